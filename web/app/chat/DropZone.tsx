// Files that are dropped onto the conversation.
import { useRef, useState, type DragEvent, type ReactNode } from 'react';
import { Icon } from '@/ui/Icon';

const hasFiles = (event: DragEvent) => event.dataTransfer.types.includes('Files');

export function DropZone({ className, label, onFiles, children }: { className: string; label: string; onFiles: (files: File[]) => void; children: ReactNode }) {
    const [isOver, setOver] = useState(false);
    const depth = useRef(0); // elements within each other are entered and left, too
    const move = (event: DragEvent, by: number) => {
        if (hasFiles(event)) {
            depth.current = Math.max(0, depth.current + by);
            setOver(depth.current > 0);
        }
    };
    return (
        <section
            className={className} aria-label={label}
            onDragEnter={(event) => move(event, 1)} onDragLeave={(event) => move(event, -1)}
            onDragOver={(event) => hasFiles(event) && event.preventDefault()}
            onDrop={(event) => {
                if (hasFiles(event)) {
                    event.preventDefault();
                    depth.current = 0;
                    setOver(false);
                    onFiles([...event.dataTransfer.files]);
                }
            }}
        >
            {children}
            {isOver && <div className="drop-here" aria-hidden="true"><Icon name="clip" size={32} /> Drop to send</div>}
        </section>
    );
}
