import { useLocation } from 'wouter';
import { Empty } from '@/ui/Empty';

export function NotFound() {
    const [, navigate] = useLocation();
    return (
        <Empty icon="search" title="There is no such page" isPage>
            <button type="button" className="button" onClick={() => navigate('/chat')}>Go to Messages</button>
        </Empty>
    );
}
