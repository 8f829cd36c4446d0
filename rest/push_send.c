/* From the queue to the push services and the webhook. */
#include "rest/metrics.h"
#include "rest/push_int.h"
#include "rest/push_rule.h"
#include "shared/clock.h"
#include "shared/id.h"
#include "shared/log.h"

#define FINISH_MS 1000 /* who answers sooner is not asked again by the next process */

/* -- slots ------------------------------------------------------------------------------------------------ */

static bool is_sending(const struct push *p, const struct row_delivery *row)
{
    for (uint64_t i = 0; i < p->conf->push_parallel; i++) {
        const struct push_slot *s = &p->slots[i];
        if (s->state != SLOT_FREE && s->row.subscription_id == row->subscription_id &&
            s->row.note_id == row->note_id && s->row.user_id == row->user_id) {
            return true;
        }
    }
    return false;
}

static unsigned count_busy(const struct push *p, uint64_t subscription_id)
{
    unsigned count = 0;
    for (uint64_t i = 0; i < p->conf->push_parallel; i++) {
        count += p->slots[i].state != SLOT_FREE && p->slots[i].row.subscription_id == subscription_id;
    }
    return count;
}

static uint64_t count_of_user(const struct push *p, uint64_t user_id)
{
    uint64_t count = 0;
    for (uint64_t i = 0; i < p->conf->push_parallel; i++) {
        const struct push_slot *s = &p->slots[i];
        count += s->state != SLOT_FREE && s->row.subscription_id != 0 && s->row.user_id == user_id;
    }
    return count;
}

/* Nobody's devices that do not answer hold up the others'. The webhook is nobody's. */
static bool has_room_for(const struct push *p, const struct row_delivery *row)
{
    return row->subscription_id == 0 || count_of_user(p, row->user_id) < CONF_NOW(p->conf->push_user_parallel);
}

static struct push_slot *free_slot(struct push *p)
{
    for (uint64_t i = 0; i < p->conf->push_parallel; i++) {
        if (p->slots[i].state == SLOT_FREE) {
            return &p->slots[i];
        }
    }
    return NULL;
}

/* To one subscription one at a time; the webhook leaves others room. */
static unsigned parallel_of(const struct push *p, uint64_t subscription_id)
{
    uint64_t half = (p->conf->push_parallel + 1) / 2;
    return subscription_id != 0 ? 1 : (unsigned)half;
}

static void free_the_slot(struct push_slot *s)
{
    s->state = SLOT_FREE;
    buf_clear(&s->kept);
    buf_clear(&s->error);
}

/* -- what became of it -------------------------------------------------------------------------------------- */

static void on_answer(void *ctx, const struct push_answer *a)
{
    struct push_slot *s = ctx;
    s->state = SLOT_ANSWERED;
    s->status = a->status;
    s->retry_after_ms = a->retry_after_ms;
    buf_clear(&s->error);
    if (a->status == 0) {
        buf_add_z(&s->error, a->error);
    }
    s->p->look = true;
}

/* It waits no more: it has arrived, or it is given up. */
static bool forget_delivery(struct push *p, const struct row_delivery *row)
{
    uint64_t gone = 0;
    if (store_push_done(p->store, row, &gone) != STORE_OK) {
        return false;
    }
    push_count(p, 0, gone);
    return true;
}

/* A subscription is one device: what fails for one delivery fails for the next. The webhook is everybody's, and all that
 * waits for it may be much: nothing of that is written anew because one delivery has failed. */
static bool try_again(struct push *p, struct push_slot *s)
{
    const struct rest_conf *conf = p->conf;
    uint64_t first = CONF_NOW(conf->push_retry_ms), now = wall_us();
    unsigned attempts = s->row.attempts + 1u;
    uint64_t delay = push_delay_ms(attempts, first, CONF_NOW(conf->push_retry_longest_ms), s->retry_after_ms, random_u64());
    struct row_delivery row = s->row;
    row.attempts = (uint16_t)attempts;
    row.due_us = now + delay * 1000;
    if (row.subscription_id == 0) {
        uint64_t pause = first > s->retry_after_ms ? first : s->retry_after_ms;
        uint64_t until = now + (pause < delay ? pause : delay) * 1000;
        p->hook_held_us = until > p->hook_held_us ? until : p->hook_held_us;
    }
    log_info("push_again", "to=%llu status=%ld attempts=%u after_ms=%llu why=%s",
             (unsigned long long)row.subscription_id, s->status, attempts, (unsigned long long)delay,
             log_esc(buf_str(&s->error)));
    return store_push_again(p->store, &row, row.subscription_id != 0 ? row.due_us : 0) == STORE_OK;
}

static bool remove_subscription(struct push *p, const struct push_slot *s)
{
    bool found = false;
    uint64_t gone = 0;
    if (store_push_remove(p->store, s->row.subscription_id, 0, &found, &gone) != STORE_OK) {
        return false;
    }
    push_count(p, 0, gone);
    metric_add(METRIC_PUSH_GONE, found);
    log_info("push_subscription_gone", "id=%llu status=%ld", (unsigned long long)s->row.subscription_id, s->status);
    return true;
}

static bool drop(struct push *p, const struct push_slot *s)
{
    log_warn_limited("push_dropped", "to=%llu status=%ld attempts=%u why=%s",
                     (unsigned long long)s->row.subscription_id, s->status, s->row.attempts + 1u,
                     log_esc(buf_str(&s->error)));
    if (!forget_delivery(p, &s->row)) {
        return false;
    }
    metric_add(METRIC_PUSH_DROPPED, 1);
    return true;
}

/* false: the database could not be told. */
static bool settle(struct push *p, struct push_slot *s)
{
    bool is_webhook = s->row.subscription_id == 0;
    switch (push_judge(s->status, is_webhook)) {
    case PUSH_SENT:
        if (!forget_delivery(p, &s->row)) {
            return false;
        }
        metric_add(is_webhook ? METRIC_WEBHOOK_SENT : METRIC_PUSH_SENT, 1);
        return true;
    case PUSH_GONE:
        return remove_subscription(p, s);
    case PUSH_AGAIN:
        if (s->row.attempts + 1u >= CONF_NOW(p->conf->push_attempts_max)) {
            return drop(p, s);
        }
        if (!try_again(p, s)) {
            return false;
        }
        metric_add(METRIC_PUSH_FAILED, 1);
        return true;
    default:
        return drop(p, s);
    }
}

/* false: the database has failed. */
static bool send_one(struct push *p, struct push_slot *slot)
{
    switch (push_start(p, slot, on_answer)) {
    case PUSH_STARTED:
        return true;
    case PUSH_NOT_WANTED:
        if (!forget_delivery(p, &slot->row)) {
            return false;
        }
        metric_add(METRIC_PUSH_DROPPED, 1);
        return true;
    default:
        return false;
    }
}

/* -- which ----------------------------------------------------------------------------------------------------- */

static void add_text(struct buf *out, struct str s)
{
    buf_add_str(out, s);
    buf_add_char(out, '\0');
}

/* Texts of its own, each with a NUL behind it. */
static void take_row(struct push_slot *s, const struct row_delivery *row)
{
    s->row = *row;
    buf_clear(&s->kept);
    if (row->endpoint.p != NULL) {
        add_text(&s->kept, row->endpoint);
        add_text(&s->kept, row->p256dh);
        add_text(&s->kept, row->auth);
        s->row.endpoint = (struct str){s->kept.p, row->endpoint.len};
        s->row.p256dh = (struct str){s->kept.p + row->endpoint.len + 1, row->p256dh.len};
        s->row.auth = (struct str){s->row.p256dh.p + row->p256dh.len + 1, row->auth.len};
    }
}

struct choosing {
    struct push *p;
    unsigned room;
};

/* A slot is taken here, and used once the rows are read. */
static void on_due(void *ctx, const struct row_delivery *row)
{
    struct choosing *k = ctx;
    bool is_wanted = k->room > 0 && !is_sending(k->p, row) && has_room_for(k->p, row);
    struct push_slot *s = is_wanted ? free_slot(k->p) : NULL;
    if (s != NULL) {
        k->room--;
        s->p = k->p;
        take_row(s, row);
        s->state = SLOT_CHOSEN;
    }
}

static bool send_chosen(struct push *p)
{
    bool good = true;
    for (uint64_t i = 0; i < p->conf->push_parallel; i++) {
        struct push_slot *s = &p->slots[i];
        if (s->state != SLOT_CHOSEN) {
            continue;
        }
        good = good && send_one(p, s);
        if (s->state == SLOT_CHOSEN) {
            free_the_slot(s);
            p->look = true;
        }
    }
    return good;
}

static bool send_to(struct push *p, uint64_t subscription_id)
{
    unsigned busy = count_busy(p, subscription_id), most = parallel_of(p, subscription_id);
    struct choosing k = {p, most > busy ? most - busy : 0};
    if (k.room == 0) {
        return true;
    }
    return store_push_next(p->store, subscription_id, wall_us(), busy + k.room, on_due, &k) == STORE_OK && send_chosen(p);
}

static void on_target(void *ctx, const struct row_push_target *t)
{
    struct push *p = ctx;
    p->targets[p->targets_count++] = *t;
}

/* The first of all that wait is what counts. */
static void wait_until(struct push *p, uint64_t due_us)
{
    p->next_due_us = p->next_due_us == 0 || due_us < p->next_due_us ? due_us : p->next_due_us;
}

/* The next for whom something is due, as far as there are slots. The list is used up before the database is asked for
 * another: that looks at every target. */
static bool send_round(struct push *p)
{
    p->look = false;
    if (p->targets_at == p->targets_count) {
        p->targets_at = p->targets_count = 0;
        p->next_due_us = 0;
        if (store_push_targets(p->store, PUSH_TARGETS_AT_ONCE, on_target, p) != STORE_OK) {
            p->targets_count = 0;
            return false;
        }
        p->look = p->targets_count == PUSH_TARGETS_AT_ONCE;
    }
    for (; p->targets_at < p->targets_count; p->targets_at++) {
        const struct row_push_target *t = &p->targets[p->targets_at];
        uint64_t now = wall_us();
        if (t->due_us > now) {
            wait_until(p, t->due_us);
            p->targets_at = p->targets_count; /* the rest is later still */
            p->look = false;
            break;
        }
        if (t->subscription_id == 0 && p->hook_held_us > now) {
            wait_until(p, p->hook_held_us);
            continue;
        }
        if (free_slot(p) == NULL) {
            p->look = false; /* an answer comes first */
            break;
        }
        if (!send_to(p, t->subscription_id)) {
            return false;
        }
    }
    return true;
}

static bool settle_all(struct push *p)
{
    for (uint64_t i = 0; i < p->conf->push_parallel; i++) {
        struct push_slot *s = &p->slots[i];
        if (s->state == SLOT_ANSWERED) {
            if (!settle(p, s)) {
                return false; /* it keeps its slot: what was sent is not sent again because the database is slow */
            }
            free_the_slot(s);
            p->look = true;
        }
    }
    return true;
}

static bool is_any_sending(const struct push *p)
{
    for (uint64_t i = 0; i < p->conf->push_parallel; i++) {
        if (p->slots[i].state == SLOT_SENDING) {
            return true;
        }
    }
    return false;
}

void push_finish(struct push *p)
{
    uint64_t now = mono_ms(), end = now + FINISH_MS;
    while (p->store != NULL && settle_all(p) && is_any_sending(p) && now < end) {
        push_http_poll(p->http, -1, end - now);
        now = mono_ms();
    }
}

uint64_t push_send(struct push *p)
{
    bool is_blocked = p->targets_at < p->targets_count; /* until there is an answer */
    bool is_time = !is_blocked && p->next_due_us != 0 && p->next_due_us <= wall_us();
    if (!settle_all(p) || ((p->look || is_time) && !send_round(p))) {
        p->look = true;
        return 100;
    }
    if (p->look) {
        return 0;
    }
    if (p->targets_at < p->targets_count) {
        return PUSH_NO_WAIT_MS;
    }
    uint64_t now = wall_us();
    uint64_t wait_ms = p->next_due_us == 0 ? PUSH_NO_WAIT_MS : p->next_due_us > now ? (p->next_due_us - now) / 1000 + 1 : 0;
    return wait_ms < PUSH_NO_WAIT_MS ? wait_ms : PUSH_NO_WAIT_MS;
}
