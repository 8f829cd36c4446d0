/*
 * Topics: sessions that look at something instead of being somebody (the dashboard of an event session).
 *
 * How many there are on a worker is what it said last, and the adopts that it had not answered by then: it answers
 * an adopt before it tells of a topic that the adopt belongs to.
 */
#include "rest/feed_int.h"
#include "rest/sessions.h"
#include "shared/clock.h"

void feed_topic_opens(struct feed *f, struct feed_worker *w, uint64_t topic)
{
    feed_count_up(&f->viewers, topic, 1);
    feed_count_up(&w->topics, topic, 1);
}

void feed_topic_closes(struct feed *f, struct feed_worker *w, uint64_t topic)
{
    if (feed_counted(&w->topics, topic) > 0) {
        feed_count_down(&f->viewers, topic, 1);
        feed_count_down(&w->topics, topic, 1);
    }
}

void feed_topics_uncount(struct feed *f, const struct feed_worker *w)
{
    uint32_t at = 0, n = 0;
    uint64_t topic = 0;
    while (map64_next(&w->topics, &at, &topic, &n)) {
        feed_count_down(&f->viewers, topic, n);
    }
}

bool feed_route_topic(const struct feed_worker *w, uint64_t topic, struct link_recipients *to)
{
    *to = (struct link_recipients){.to = LINK_TO_TOPIC, .set = topic};
    return topic != 0 && (feed_counted(&w->topics, topic) > 0 || mono_ms() < w->topics_known_ms);
}

static uint32_t on_their_way(const struct feed_worker *w, uint64_t topic)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < w->adopts_count; i++) {
        n += w->adopts[i].topic == topic;
    }
    return n;
}

/*
 * Who looks on is told to go by EV_SESSION in the stream. A worker whose stream began anew may have missed that: what it says
 * it has is checked as at the door. CODE_OK: they may stay.
 */
static enum code verdict(struct feed *f, const struct feed_worker *w, uint64_t topic)
{
    cache_rdlock(f->cache);
    const struct session *x = sessions_find(cache_sessions(f->cache), topic);
    enum code code = x == NULL ? CODE_SESSION_NOT_FOUND
                               : w->restarted && x->visibility == SESSION_HOSTS ? CODE_RESTARTING : CODE_OK;
    cache_unlock(f->cache);
    return code;
}

static void check_viewers(struct feed *f, struct feed_worker *w, uint64_t topic)
{
    enum code code = mono_ms() < w->topics_known_ms ? verdict(f, w, topic) : CODE_OK;
    if (code == CODE_OK) {
        return;
    }
    struct buf encoded = BUF_INIT;
    bool was_empty = w->q.len == 0;
    event_encode(&encoded, &(struct event){.kind = EV_SESSION, .number = topic, .version = (uint32_t)code});
    link_put_event(&w->q, LINK_EPHEMERAL, &(struct link_recipients){.to = LINK_TO_TOPIC, .set = topic},
                   buf_str(&encoded));
    feed_appended(f, w, was_empty);
    buf_release(&encoded);
}

enum rc feed_on_topic(struct feed *f, struct feed_worker *w, struct str body)
{
    uint64_t topic = 0;
    uint32_t sessions = 0, adopts = 0;
    enum rc rc = link_get_topic(body, &topic, &sessions, &adopts);
    if (rc != RC_OK) {
        return rc;
    }
    feed_lock(f);
    uint32_t before = feed_counted(&w->topics, topic);
    if (topic == 0 || sessions > FEED_SESSIONS_MAX || (before == 0 && w->topics.count >= FEED_TOPICS_MAX)) {
        rc = RC_PROTOCOL;
    } else {
        feed_count_down(&f->viewers, topic, before);
        feed_count_down(&w->topics, topic, before);
        sessions += on_their_way(w, topic);
        feed_count_up(&f->viewers, topic, sessions);
        feed_count_up(&w->topics, topic, sessions);
        if (before == 0 && sessions > 0) {
            check_viewers(f, w, topic);
        }
    }
    feed_unlock(f);
    return rc;
}
