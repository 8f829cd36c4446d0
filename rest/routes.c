/* routes.c -- the map of the HTTP API. To add a route: a line here, a handler beside its kin, a prototype in handlers.h. */
#include "rest/handlers.h"
#include "rest/poll.h"

#define USER_READ (ROUTE_AUTH | ROUTE_ASYNC)
#define USER_WRITE (ROUTE_AUTH | ROUTE_ASYNC | ROUTE_JSON)
#define LOGIN (ROUTE_LIMIT | ROUTE_ASYNC | ROUTE_JSON)
#define ADMIN_WRITE (ROUTE_ADMIN | ROUTE_ASYNC | ROUTE_JSON)

const struct http_route http_routes[] = {
    {HTTP_GET, "/healthz", healthz_get, ROUTE_OPEN},
    {HTTP_GET, "/readyz", readyz_get, ROUTE_OPEN},
    {HTTP_GET, "/metrics", metrics_get, ROUTE_OPEN},

    {HTTP_POST, "/api/auth/register", auth_register, LOGIN},
    {HTTP_POST, "/api/auth/login", auth_login, LOGIN},
    {HTTP_POST, "/api/auth/refresh", auth_refresh, LOGIN},
    {HTTP_POST, "/api/auth/logout", auth_logout, ROUTE_AUTH | ROUTE_ASYNC | ROUTE_JSON_OPTIONAL},
    {HTTP_POST, "/api/auth/ticket", auth_ticket, ROUTE_AUTH | ROUTE_JSON_OPTIONAL},

    {HTTP_GET, "/api/me", me_get, ROUTE_AUTH},
    {HTTP_PATCH, "/api/me", me_patch, USER_WRITE},
    {HTTP_GET, "/api/users", users_get, ROUTE_AUTH},
    {HTTP_GET, "/api/users/{user}", user_get, ROUTE_AUTH},
    {HTTP_GET, "/api/users/{user}/presence", user_presence_get, ROUTE_AUTH},
    {HTTP_GET, "/api/presence", presence_get, ROUTE_AUTH},

    {HTTP_POST, "/api/chat/create/personal", chat_create_personal, USER_WRITE},
    {HTTP_POST, "/api/chat/create/group", chat_create_group, USER_WRITE},
    {HTTP_GET, "/api/chats", chats_get, USER_READ},
    {HTTP_GET, "/api/open-chats", open_chats_get, ROUTE_AUTH},
    {HTTP_GET, "/api/chats/{chat}", chat_get, USER_READ},
    {HTTP_PATCH, "/api/chats/{chat}", chat_patch, USER_WRITE},
    {HTTP_DELETE, "/api/chats/{chat}", chat_delete, USER_READ},

    {HTTP_GET, "/api/chats/{chat}/members", members_get, ROUTE_AUTH},
    {HTTP_POST, "/api/chats/{chat}/members", members_post, USER_WRITE},
    {HTTP_PATCH, "/api/chats/{chat}/members/{user}", member_patch, USER_WRITE},
    {HTTP_DELETE, "/api/chats/{chat}/members/{user}", member_delete, USER_READ},

    {HTTP_GET, "/api/chats/{chat}/messages", messages_get, USER_READ},
    {HTTP_POST, "/api/chats/{chat}/messages", messages_post, USER_WRITE},
    {HTTP_GET, "/api/chats/{chat}/messages/{message}", message_get, USER_READ},
    {HTTP_PATCH, "/api/chats/{chat}/messages/{message}", message_patch, USER_WRITE},
    {HTTP_DELETE, "/api/chats/{chat}/messages/{message}", message_delete, USER_READ},
    {HTTP_POST, "/api/chats/{chat}/attachments", attachments_post, ROUTE_AUTH | ROUTE_STREAM},
    {HTTP_POST, "/api/chats/{chat}/uploads", uploads_post, USER_WRITE},
    {HTTP_GET, "/api/uploads/{upload}", upload_get, USER_READ},
    {HTTP_PATCH, "/api/uploads/{upload}", upload_patch, ROUTE_AUTH | ROUTE_STREAM},
    {HTTP_DELETE, "/api/uploads/{upload}", upload_delete, USER_READ},
    {HTTP_GET, "/api/attachments/{attachment}", attachment_get, USER_READ},
    {HTTP_DELETE, "/api/attachments/{attachment}", attachment_delete, USER_READ},
    {HTTP_POST, "/api/chats/{chat}/read", read_post, ROUTE_AUTH | ROUTE_ASYNC | ROUTE_JSON_OPTIONAL},

    {HTTP_GET, "/socket.io/", poll_get, ROUTE_ASYNC},
    {HTTP_POST, "/socket.io/", poll_post, ROUTE_ASYNC},
    {HTTP_PUT, "/socket.io/", poll_put, 0},
    {HTTP_GET, "/engine.io/", poll_get, ROUTE_ASYNC}, /* the fixture's */
    {HTTP_POST, "/engine.io/", poll_post, ROUTE_ASYNC},
    {HTTP_PUT, "/engine.io/", poll_put, 0},

    {HTTP_GET, "/chats", conversations_get, ROUTE_AUTH},
    {HTTP_POST, "/chats", conversations_post, USER_WRITE},
    {HTTP_GET, "/chats/{chat}/messages", conversation_messages_get, USER_READ},
    {HTTP_POST, "/chats/{chat}/message", conversation_message_post, USER_WRITE},

    {HTTP_POST, "/api/sessions", sessions_post, USER_WRITE},
    {HTTP_GET, "/api/sessions", sessions_get, ROUTE_AUTH},
    {HTTP_GET, "/api/sessions/{session}", session_get, ROUTE_AUTH},
    {HTTP_PATCH, "/api/sessions/{session}", session_patch, USER_WRITE},
    {HTTP_DELETE, "/api/sessions/{session}", session_delete, USER_READ},
    {HTTP_PUT, "/api/sessions/{session}/roles/{user}", session_role_put, USER_WRITE},
    {HTTP_DELETE, "/api/sessions/{session}/roles/{user}", session_role_delete, USER_READ},
    {HTTP_POST, "/api/sessions/{session}/scanner-key", session_key_post, ROUTE_AUTH | ROUTE_ASYNC | ROUTE_JSON_OPTIONAL},
    {HTTP_POST, "/api/sessions/{session}/attendees", attendees_post, USER_WRITE},
    {HTTP_GET, "/api/sessions/{session}/attendees", attendees_get, USER_READ},
    {HTTP_GET, "/api/sessions/{session}/attendees/{user}", attendee_get, USER_READ},
    {HTTP_POST, "/api/sessions/{session}/checkins", checkins_post, USER_WRITE | ROUTE_SCANNER},
    {HTTP_GET, "/api/sessions/{session}/checkins", checkins_get, USER_READ},

    {HTTP_GET, "/api/notifications", notifications_get, USER_READ},
    {HTTP_POST, "/api/notifications/read-all", notifications_read_all, ROUTE_AUTH | ROUTE_ASYNC | ROUTE_JSON_OPTIONAL},
    {HTTP_POST, "/api/notifications/{notification}/read", notification_read, ROUTE_AUTH | ROUTE_ASYNC | ROUTE_JSON_OPTIONAL},
    {HTTP_DELETE, "/api/notifications/{notification}", notification_delete, USER_READ},
    {HTTP_GET, "/api/me/notification-preferences", preferences_get, ROUTE_AUTH},
    {HTTP_PUT, "/api/me/notification-preferences", preferences_put, USER_WRITE},

    {HTTP_GET, "/api/push/key", push_key_get, ROUTE_AUTH},
    {HTTP_GET, "/api/push/subscriptions", push_subscriptions_get, USER_READ},
    {HTTP_POST, "/api/push/subscriptions", push_subscriptions_post, USER_WRITE},
    {HTTP_DELETE, "/api/push/subscriptions/{subscription}", push_subscription_delete, USER_READ},

    {HTTP_POST, "/api/admin/notifications", admin_notifications_post, ADMIN_WRITE},
    {HTTP_GET, "/api/admin/notifications/explain", admin_notifications_explain, ROUTE_ADMIN | ROUTE_ASYNC},
    {HTTP_GET, "/api/admin/status", admin_status_get, ROUTE_ADMIN},
    {HTTP_GET, "/api/admin/users", admin_users_get, ROUTE_ADMIN},
    {HTTP_POST, "/api/admin/users", admin_users_post, ADMIN_WRITE},
    {HTTP_POST, "/api/admin/users/{user}/disable", admin_user_disable, ROUTE_ADMIN | ROUTE_ASYNC | ROUTE_JSON_OPTIONAL},
    {HTTP_POST, "/api/admin/users/{user}/enable", admin_user_enable, ROUTE_ADMIN | ROUTE_ASYNC | ROUTE_JSON_OPTIONAL},
    {HTTP_PUT, "/api/admin/users/{user}/password", admin_user_password, ADMIN_WRITE},
    {HTTP_POST, "/api/admin/tokens", admin_tokens_post, ROUTE_ADMIN | ROUTE_JSON},
    {HTTP_POST, "/api/admin/kick", admin_kick_post, ADMIN_WRITE},
};

/* Served while the services start or stop, too: it needs none of them. */
const struct http_route http_web_route = {HTTP_GET, "/{page}", web_get, ROUTE_OPEN};

const unsigned http_routes_count = sizeof(http_routes) / sizeof(http_routes[0]);
