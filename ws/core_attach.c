/*
 * core_attach.c -- catching up: replayed chunks, one at a time, until confab-rest says live
 *
 * While a connection catches up the stream is not for it and its own frames stay in the socket. Each
 * attempt has a generation; what an earlier attempt still brings is dropped. A connection with a topic
 * begins with the topic's last events in the same way, whether it knows cursors or not; only who does is
 * told when it is live.
 */
#include "ws/core.h"

#include "ws/link_client.h"

void core_notice(struct conn *c, enum notice_kind kind, uint64_t event_id, const char *reason)
{
    struct dialect_view view = core_view(c);
    struct dialect_frame f = core_frame(c->core);
    struct notice n = {.kind = (uint8_t)kind, .event_id = event_id, .reason = reason};
    if (c->dialect->notice != NULL && conn_is_ext(c)) {
        c->dialect->notice(&n, &view, &f);
        core_send_text(c, &f);
    }
}

void core_attach(struct conn *c)
{
    struct core *k = c->core;
    uint64_t topic = conn_topic(c);
    core_pause(c, CONN_PAUSE_CATCH_UP, true);
    if (!link_client_is_up(k->link)) {
        return; /* core_link_up comes back to it */
    }
    k->stats.attaches++;
    c->attach_generation++;
    conn_set(c, CONN_IS_ATTACHED, true);
    conn_set(c, CONN_WANTS_CHUNK, false);
    link_put_attach(link_client_out(k->link), &(struct link_attach){
                                                  .session = conn_session(c),
                                                  .generation = c->attach_generation,
                                                  .slot = c->slot,
                                                  .since_log = c->since_log,
                                                  .since = topic != 0 ? c->interest->replay : c->cursor,
                                                  .options = c->options,
                                                  .topic = topic,
                                              });
}

void core_attach_again_if_stuck(struct conn *c)
{
    bool waits = conn_has(c, CONN_IS_ATTACHED) && !conn_has(c, CONN_WANTS_CHUNK);
    if (waits && !conn_has(c, CONN_GOT_CHUNK)) {
        core_attach(c);
    }
    conn_set(c, CONN_GOT_CHUNK, false);
}

void core_pull_if_low(struct conn *c)
{
    struct core *k = c->core;
    if (conn_has(c, CONN_WANTS_CHUNK) && c->out.bytes <= k->conf->queue_low_bytes) {
        conn_set(c, CONN_WANTS_CHUNK, false);
        link_put_pull(link_client_out(k->link), conn_session(c), c->attach_generation);
    }
}

/* The connection that this attempt is about, or NULL when it is over. */
static struct conn *find(struct core *k, uint64_t session, uint32_t generation)
{
    struct conn *c = conns_find(&k->conns, session);
    if (c == NULL || c->state != CONN_OPEN || !conn_has(c, CONN_IS_ATTACHED) ||
        c->attach_generation != generation) {
        k->stats.stale++;
        return NULL;
    }
    return c;
}

static void advance(struct conn *c, uint64_t event_id)
{
    c->since_log = core_log_prefix(c->core);
    if (event_id > c->cursor) {
        c->cursor = event_id;
    }
}

enum rc core_chunk(struct core *k, struct str body)
{
    uint64_t session, last;
    uint32_t generation;
    uint16_t count;
    struct rd events;
    enum rc rc = link_get_chunk(body, &session, &generation, &count, &last, &events);
    struct conn *c = rc == RC_OK ? find(k, session, generation) : NULL;
    if (c != NULL) {
        core_recovered(c);
    }
    for (uint16_t i = 0; i < count && c != NULL && rc == RC_OK; i++) {
        struct event e;
        rc = event_decode(&events, &e);
        if (rc == RC_OK) {
            core_replay(c, &e);
        }
    }
    if (c == NULL || rc != RC_OK) {
        return rc;
    }
    k->stats.chunks++;
    advance(c, last);
    conn_set(c, CONN_WANTS_CHUNK | CONN_GOT_CHUNK, true);
    core_mark_dirty(k, c); /* asked for at the end of the turn, unless LIVE comes first */
    return RC_OK;
}

void core_go_live(struct conn *c)
{
    conn_set(c, CONN_IS_ATTACHED, false);
    conn_set(c, CONN_WANTS_CHUNK, false);
    conn_set(c, CONN_IS_CATCHING_UP, false);
    conn_set(c, CONN_IS_RESUMING, false);
    core_pause(c, CONN_PAUSE_CATCH_UP, false);
}

enum rc core_live(struct core *k, struct str body)
{
    uint64_t session, position;
    uint32_t generation;
    enum rc rc = link_get_live(body, &session, &generation, &position);
    struct conn *c = rc == RC_OK ? find(k, session, generation) : NULL;
    if (c != NULL) {
        core_recovered(c);
        advance(c, position);
        core_notice(c, NOTICE_LIVE, position, NULL);
        core_go_live(c);
    }
    return rc;
}

static const char *gap_name(uint8_t reason)
{
    switch (reason) {
    case LINK_GAP_TRIMMED:
        return "trimmed";
    case LINK_GAP_FUTURE:
        return "future";
    case LINK_GAP_OTHER_LOG:
        return "other_log";
    case LINK_GAP_TOO_MUCH:
        return "too_much";
    default:
        return "malformed";
    }
}

enum rc core_gap(struct core *k, struct str body)
{
    uint64_t session, position;
    uint32_t generation;
    uint8_t reason;
    enum rc rc = link_get_gap(body, &session, &generation, &position, &reason);
    struct conn *c = rc == RC_OK ? find(k, session, generation) : NULL;
    if (c != NULL) {
        k->stats.gaps++;
        c->since_log = core_log_prefix(k);
        c->cursor = position; /* may be lower than what the client claimed */
        if (!core_recovery_refused(c)) {
            return RC_OK;
        }
        core_notice(c, NOTICE_GAP, position, gap_name(reason));
        core_go_live(c);
    }
    return rc;
}
