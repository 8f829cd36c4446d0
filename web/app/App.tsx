// The providers and the pages.
import { lazy, Suspense } from 'react';
import { Redirect, Route, Switch } from 'wouter';
import { WebSocketProvider } from '@/context/WebSocketContext';
import { AuthProvider, plainFetch, tokens, useAuth } from './auth';
import { ChatApp } from './chat/ChatApp';
import { NotFound } from './pages/NotFound';
import { SignIn } from './pages/SignIn';
import { Layout } from './shell/Layout';
import { ErrorBoundary } from './ui/ErrorBoundary';
import { Loading } from './ui/Loading';

const NotificationsPage = lazy(() => import('./pages/NotificationsPage'));
const SettingsPage = lazy(() => import('./pages/SettingsPage'));
const SessionsPage = lazy(() => import('./dashboard/SessionsPage'));
const DashboardPage = lazy(() => import('./dashboard/DashboardPage'));
const TestNotifications = lazy(() => import('./testpage/TestNotifications'));

export function App() {
    return (
        <ErrorBoundary>
            <AuthProvider>
                <Root />
            </AuthProvider>
        </ErrorBoundary>
    );
}

function Root() {
    const { me } = useAuth();
    return (
        <WebSocketProvider tokens={me && tokens} user={me} fetch={plainFetch}>
            {me ? <SignedIn key={me.user_id} /> : <SignedOut />}
        </WebSocketProvider>
    );
}

/** Dashboards may be shown to anybody who has their address. */
function SignedOut() {
    return (
        <Switch>
            <Route path="/dashboard/:session">
                {({ session }) => <main className="kiosk"><Suspense fallback={<Loading />}><DashboardPage session={session} /></Suspense></main>}
            </Route>
            <Route path="/sign-up"><SignIn isNew /></Route>
            <Route><SignIn /></Route>
        </Switch>
    );
}

function SignedIn() {
    return (
        <Layout>
            <Suspense fallback={<Loading />}>
                <Switch>
                    <Route path="/chat/:id?">{({ id }) => <ChatApp id={id} />}</Route>
                    <Route path="/notifications"><NotificationsPage /></Route>
                    <Route path="/settings"><SettingsPage /></Route>
                    <Route path="/dashboard"><SessionsPage /></Route>
                    <Route path="/dashboard/:session">{({ session }) => <DashboardPage session={session} />}</Route>
                    <Route path="/test-notifications"><TestNotifications /></Route>
                    <Route path="/"><Redirect to="/chat" replace /></Route>
                    <Route path="/sign-in"><Redirect to="/chat" replace /></Route>
                    <Route path="/sign-up"><Redirect to="/chat" replace /></Route>
                    <Route><NotFound /></Route>
                </Switch>
            </Suspense>
        </Layout>
    );
}
