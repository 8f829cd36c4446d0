// A mistake of ours in one part shall not leave a blank page.
import { Component, type ReactNode } from 'react';

export class ErrorBoundary extends Component<{ children: ReactNode }, { error: Error | null }> {
    override state: { error: Error | null } = { error: null };

    static getDerivedStateFromError(error: Error) {
        return { error };
    }

    override render() {
        const { error } = this.state;
        return error ? (
            <main className="crash" role="alert">
                <h1>Something went wrong on this page</h1>
                <p>Nothing that was sent is lost. Loading the page again usually helps.</p>
                <pre>{error.message}</pre>
                <button type="button" className="button button-main" onClick={() => window.location.reload()}>Load again</button>
            </main>
        ) : this.props.children;
    }
}
