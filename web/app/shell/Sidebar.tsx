// The navigation of narrow windows: a bar at the bottom, with the same marks as the rail.
import { NavItem, places } from './NavItem';

export function Sidebar({ location }: { location: string }) {
    return (
        <nav className="nav-bar" aria-label="Main, mobile">
            {places.map((place) => <NavItem key={place.path} place={place} location={location} />)}
        </nav>
    );
}
