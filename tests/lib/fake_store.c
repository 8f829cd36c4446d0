/* fake_store.c -- see fake_store.h */
#include "tests/lib/fake_store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "shared/mem.h"

struct store {
    bool lost;
    const struct store_batch *running;
};

/* A table: rows in the order of insertion. */
#define TABLE(type, name)                                                                          \
    struct type *name;                                                                             \
    unsigned name##_count, name##_room

static struct {
    TABLE(row_user, users);
    TABLE(row_chat, chats);
    TABLE(row_member, members);
    TABLE(row_message, messages);
    TABLE(row_event, events);
    TABLE(row_event_user, event_users);
    TABLE(row_deletion, deletions);
    TABLE(row_key, keys);
    TABLE(row_family, families);
    TABLE(row_seen, seen);
    TABLE(row_recovery, recoveries);
    TABLE(row_attachment, attachments);
    TABLE(row_note, notes);
    TABLE(row_note_mark, marks);
    TABLE(row_note_user, note_users);
    TABLE(row_preferences, preferences);
    TABLE(row_decision, decisions);
    struct row_notifier notifier;
    struct store_head head;
    struct fake_db_counts counts;
    enum store_rc run_rc, find_rc, commit_rc, dislike_rc;
    unsigned run_times, find_times, commit_times;
    bool commit_stored, down, hold;
    const char *disliked;
    void (*on_commit)(void *ctx);
    void *on_commit_ctx;
    enum store_unique unique;
} db;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void *room(void *rows, unsigned count, unsigned *room_, size_t size)
{
    if (count == *room_) {
        *room_ = *room_ ? *room_ * 2 : 16;
        rows = mem_grow(rows, *room_, size);
    }
    return rows;
}

#define PUSH(table, row)                                                                           \
    (db.table = room(db.table, db.table##_count, &db.table##_room, sizeof(db.table[0])),           \
     db.table[db.table##_count++] = (row))

static struct str keep(struct str s)
{
    return (struct str){mem_copy(s.len ? s.p : "", s.len), s.len};
}

static void drop(struct str s)
{
    free((char *)(uintptr_t)s.p);
}

static void free_recoveries(void)
{
    for (unsigned i = 0; i < db.recoveries_count; i++) {
        drop(db.recoveries[i].pid);
        drop(db.recoveries[i].rooms);
    }
    free(db.recoveries);
}

void fake_db_release(void)
{
    for (unsigned i = 0; i < db.users_count; i++) {
        drop(db.users[i].username);
        drop(db.users[i].name);
    }
    for (unsigned i = 0; i < db.chats_count; i++) {
        drop(db.chats[i].name);
    }
    for (unsigned i = 0; i < db.messages_count; i++) {
        drop(db.messages[i].kind);
        drop(db.messages[i].content);
    }
    for (unsigned i = 0; i < db.attachments_count; i++) {
        drop(db.attachments[i].sha256);
        drop(db.attachments[i].mime_type);
        drop(db.attachments[i].name);
    }
    free(db.attachments);
    for (unsigned i = 0; i < db.notes_count; i++) {
        drop(db.notes[i].kind);
        drop(db.notes[i].title);
        drop(db.notes[i].text);
        drop(db.notes[i].link);
    }
    for (unsigned i = 0; i < db.preferences_count; i++) {
        drop(db.preferences[i].text);
    }
    for (unsigned i = 0; i < db.decisions_count; i++) {
        drop(db.decisions[i].decisions);
    }
    free(db.notes);
    free(db.marks);
    free(db.note_users);
    free(db.preferences);
    free(db.decisions);
    free(db.users);
    free(db.chats);
    free(db.members);
    free(db.messages);
    free(db.events);
    free(db.event_users);
    free(db.deletions);
    free(db.keys);
    free(db.families);
    free(db.seen);
    free_recoveries();
    fake_sessions_release();
    memset(&db, 0, sizeof(db));
}

void fake_db_reset(void)
{
    fake_db_release();
    db.head = (struct store_head){.log_id = 0x1234567800000001, .epoch = 1, .next_event = 1};
}

struct store *fake_db_open(void)
{
    struct store *s = mem_new(sizeof(*s));
    return s;
}

/* -- orders ------------------------------------------------------------------------------------------ */

#define LOCKED(statements)                                                                         \
    pthread_mutex_lock(&lock);                                                                     \
    statements;                                                                                    \
    pthread_cond_broadcast(&changed);                                                              \
    pthread_mutex_unlock(&lock)

void fake_db_answer_run(enum store_rc rc, unsigned times)
{
    LOCKED(db.run_rc = rc; db.run_times = times);
}

void fake_db_answer_find(enum store_rc rc, unsigned times)
{
    LOCKED(db.find_rc = rc; db.find_times = times);
}

void fake_db_answer_commit(enum store_rc rc, bool stored)
{
    LOCKED(db.commit_rc = rc; db.commit_stored = stored; db.commit_times = 1);
}

void fake_db_dislike(const char *text, enum store_rc rc)
{
    LOCKED(db.disliked = text; db.dislike_rc = rc);
}

void fake_db_down(bool down)
{
    LOCKED(db.down = down);
}

void fake_db_on_commit(void (*on)(void *ctx), void *ctx)
{
    LOCKED(db.on_commit = on; db.on_commit_ctx = ctx);
}

void fake_db_hold(bool hold)
{
    LOCKED(db.hold = hold);
}

void fake_db_take_over(void)
{
    LOCKED(db.head.epoch++);
}

struct fake_db_counts fake_db_counts(void)
{
    pthread_mutex_lock(&lock);
    struct fake_db_counts c = db.counts;
    c.messages = db.messages_count;
    c.events = db.events_count;
    c.keys = db.keys_count;
    pthread_mutex_unlock(&lock);
    return c;
}

struct store_head fake_db_head(void)
{
    pthread_mutex_lock(&lock);
    struct store_head h = db.head;
    pthread_mutex_unlock(&lock);
    return h;
}

static struct row_member *find_member(uint64_t chat_id, uint64_t user_id)
{
    for (unsigned i = 0; i < db.members_count; i++) {
        if (db.members[i].chat_id == chat_id && db.members[i].user_id == user_id) {
            return &db.members[i];
        }
    }
    return NULL;
}

bool fake_db_member(uint64_t chat_id, uint64_t user_id, struct row_member *out)
{
    pthread_mutex_lock(&lock);
    const struct row_member *m = find_member(chat_id, user_id);
    if (m != NULL) {
        *out = *m;
    }
    pthread_mutex_unlock(&lock);
    return m != NULL;
}

static struct row_message *find_place(uint64_t chat_id, uint64_t seq)
{
    for (unsigned i = 0; i < db.messages_count; i++) {
        if (db.messages[i].chat_id == chat_id && db.messages[i].seq == seq) {
            return &db.messages[i];
        }
    }
    return NULL;
}

const char *fake_db_content(uint64_t chat_id, uint64_t seq)
{
    pthread_mutex_lock(&lock);
    const struct row_message *m = find_place(chat_id, seq);
    const char *text = m ? m->content.p : NULL;
    pthread_mutex_unlock(&lock);
    return text;
}

/* -- storing ------------------------------------------------------------------------------------------- */

static void apply_users(const struct store_batch *b)
{
    for (unsigned i = 0; i < b->users_new_count; i++) {
        struct row_user u = b->users_new[i];
        u.username = keep(u.username);
        u.name = keep(u.name);
        PUSH(users, u);
    }
    for (unsigned i = 0; i < b->users_set_count; i++) {
        for (unsigned k = 0; k < db.users_count; k++) {
            if (db.users[k].id == b->users_set[i].id) {
                drop(db.users[k].name);
                db.users[k].name = keep(b->users_set[i].name);
                db.users[k].status = b->users_set[i].status;
                db.users[k].valid_from_us = b->users_set[i].valid_from_us;
            }
        }
    }
}

static void apply_members(const struct store_batch *b)
{
    for (unsigned i = 0; i < b->members_put_count; i++) {
        struct row_member *m = find_member(b->members_put[i].chat_id, b->members_put[i].user_id);
        if (m != NULL) {
            *m = b->members_put[i];
        } else {
            PUSH(members, b->members_put[i]);
        }
    }
    for (unsigned i = 0; i < b->members_gone_count; i++) {
        struct row_member *m = find_member(b->members_gone[i].chat_id, b->members_gone[i].user_id);
        if (m != NULL) {
            *m = db.members[--db.members_count];
        }
    }
    db.counts.members_put += b->members_put_count;
}

static void delete_chat(uint64_t chat_id)
{
    for (unsigned i = 0; i < db.members_count;) {
        if (db.members[i].chat_id == chat_id) {
            db.members[i] = db.members[--db.members_count];
        } else {
            i++;
        }
    }
    for (unsigned i = 0; i < db.chats_count; i++) {
        if (db.chats[i].id == chat_id) {
            drop(db.chats[i].name);
            db.chats[i] = db.chats[--db.chats_count];
            return;
        }
    }
}

static void apply_messages(const struct store_batch *b)
{
    for (unsigned i = 0; i < b->messages_new_count; i++) {
        struct row_message m = b->messages_new[i];
        m.kind = keep(m.kind);
        m.content = keep(m.content);
        PUSH(messages, m);
    }
    for (unsigned i = 0; i < b->messages_set_count; i++) {
        const struct row_message *set = &b->messages_set[i];
        struct row_message *m = find_place(set->chat_id, set->seq);
        if (m == NULL) {
            continue;
        }
        m->version = set->version;
        m->flags = set->flags;
        m->last_event = set->last_event;
        if (set->content.p != NULL) {
            drop(m->content);
            m->content = keep(set->content);
        }
    }
}

static void drop_recovery(struct str pid)
{
    for (unsigned i = 0; i < db.recoveries_count; i++) {
        if (str_eq(db.recoveries[i].pid, pid)) {
            drop(db.recoveries[i].pid);
            drop(db.recoveries[i].rooms);
            db.recoveries[i] = db.recoveries[--db.recoveries_count];
            return;
        }
    }
}

static void put_recovery(const struct row_recovery *r)
{
    struct row_recovery row = *r;
    drop_recovery(r->pid);
    row.pid = keep(r->pid);
    row.rooms = keep(r->rooms);
    PUSH(recoveries, row);
}

static void apply_rest(const struct store_batch *b)
{
    for (unsigned i = 0; i < b->chats_new_count; i++) {
        struct row_chat c = b->chats_new[i];
        c.name = keep(c.name);
        PUSH(chats, c);
    }
    for (unsigned i = 0; i < b->chats_deleted_count; i++) {
        delete_chat(b->chats_deleted[i]);
    }
    for (unsigned i = 0; i < b->events_count; i++) {
        PUSH(events, b->events[i]);
    }
    for (unsigned i = 0; i < b->event_users_count; i++) {
        PUSH(event_users, b->event_users[i]);
    }
    for (unsigned i = 0; i < b->deletions_count; i++) {
        PUSH(deletions, b->deletions[i]);
    }
    for (unsigned i = 0; i < b->keys_count; i++) {
        PUSH(keys, b->keys[i]);
    }
    for (unsigned i = 0; i < b->families_new_count; i++) {
        PUSH(families, b->families_new[i]);
    }
    for (unsigned i = 0; i < b->seen_count; i++) {
        PUSH(seen, b->seen[i]);
    }
    for (unsigned i = 0; i < b->recoveries_count; i++) {
        put_recovery(&b->recoveries[i]);
    }
    for (unsigned i = 0; i < b->recoveries_gone_count; i++) {
        drop_recovery(b->recoveries_gone[i].pid);
    }
    db.head.last_batch++;
    db.head.next_event = b->next_event;
    if (b->checkpoint != 0) {
        db.head.checkpoint = b->checkpoint;
    }
}

static struct row_attachment *find_attachment(uint64_t id)
{
    for (unsigned i = 0; i < db.attachments_count; i++) {
        if (db.attachments[i].id == id) {
            return &db.attachments[i];
        }
    }
    return NULL;
}

static void apply_attachments(const struct store_batch *b)
{
    for (unsigned i = 0; i < b->attachments_new_count; i++) {
        struct row_attachment a = b->attachments_new[i];
        a.sha256 = keep(a.sha256);
        a.mime_type = keep(a.mime_type);
        a.name = keep(a.name);
        PUSH(attachments, a);
    }
    for (unsigned i = 0; i < b->attachments_used_count; i++) {
        struct row_attachment *a = find_attachment(b->attachments_used[i].id);
        a->seq = b->attachments_used[i].seq;
        a->unused_us = 0;
    }
    for (unsigned i = 0; i < b->attachments_dropped_count; i++) {
        const struct row_attachment *gone = &b->attachments_dropped[i];
        for (unsigned k = 0; k < db.attachments_count; k++) {
            struct row_attachment *a = &db.attachments[k];
            if (a->chat_id == gone->chat_id && a->seq == gone->seq) {
                a->unused_us = gone->unused_us;
            }
        }
    }
    for (unsigned i = 0; i < b->attachments_gone_count; i++) {
        struct row_attachment *a = find_attachment(b->attachments_gone[i]);
        drop(a->sha256);
        drop(a->mime_type);
        drop(a->name);
        *a = db.attachments[--db.attachments_count];
    }
}

static struct str keep_or_none(struct str s)
{
    return s.p != NULL ? keep(s) : STR_NONE;
}

static struct row_note_mark *find_mark(uint64_t user_id, uint64_t id)
{
    for (unsigned i = 0; i < db.marks_count; i++) {
        if (db.marks[i].user_id == user_id && db.marks[i].id == id) {
            return &db.marks[i];
        }
    }
    PUSH(marks, ((struct row_note_mark){.user_id = user_id, .id = id}));
    return &db.marks[db.marks_count - 1];
}

static void set_mark(uint64_t *read_us, uint64_t *deleted_us, uint64_t *last_event, const struct row_note_mark *m)
{
    *read_us = m->read_us ? m->read_us : *read_us;
    *deleted_us = m->deleted_us ? m->deleted_us : *deleted_us;
    *last_event = m->last_event;
}

static void apply_notes(const struct store_batch *b)
{
    for (unsigned i = 0; i < b->notes_new_count; i++) {
        struct row_note n = b->notes_new[i];
        n.kind = keep_or_none(n.kind);
        n.title = keep_or_none(n.title);
        n.text = keep_or_none(n.text);
        n.link = keep_or_none(n.link);
        PUSH(notes, n);
    }
    for (unsigned i = 0; i < b->notes_set_count; i++) {
        for (unsigned k = 0; k < db.notes_count; k++) {
            struct row_note *n = &db.notes[k];
            if (n->user_id == b->notes_set[i].user_id && n->id == b->notes_set[i].id) {
                set_mark(&n->read_us, &n->deleted_us, &n->last_event, &b->notes_set[i]);
            }
        }
    }
    for (unsigned i = 0; i < b->note_marks_count; i++) {
        struct row_note_mark *m = find_mark(b->note_marks[i].user_id, b->note_marks[i].id);
        set_mark(&m->read_us, &m->deleted_us, &m->last_event, &b->note_marks[i]);
    }
}

static struct row_note_user *find_note_user(uint64_t user_id)
{
    for (unsigned i = 0; i < db.note_users_count; i++) {
        if (db.note_users[i].user_id == user_id) {
            return &db.note_users[i];
        }
    }
    PUSH(note_users, ((struct row_note_user){.user_id = user_id}));
    return &db.note_users[db.note_users_count - 1];
}

static void put_preferences(const struct row_preferences *p)
{
    unsigned at = 0;
    while (at < db.preferences_count && db.preferences[at].user_id != p->user_id) {
        at++;
    }
    if (at == db.preferences_count) {
        PUSH(preferences, ((struct row_preferences){.user_id = p->user_id}));
    }
    drop(db.preferences[at].text);
    db.preferences[at].text = keep(p->text);
}

static void put_decision(const struct row_decision *d)
{
    unsigned at = 0;
    struct buf all = BUF_INIT;
    while (at < db.decisions_count && db.decisions[at].message_id != d->message_id) {
        at++;
    }
    if (at == db.decisions_count) {
        PUSH(decisions, ((struct row_decision){.message_id = d->message_id}));
    }
    buf_add_str(&all, db.decisions[at].decisions);
    buf_add_str(&all, d->decisions);
    drop(db.decisions[at].decisions);
    db.decisions[at].decisions = keep(buf_str(&all));
    db.decisions[at].decided_us = d->decided_us;
    buf_release(&all);
}

static void apply_note_rest(const struct store_batch *b)
{
    for (unsigned i = 0; i < b->note_users_count; i++) {
        find_note_user(b->note_users[i].user_id)->read_all_id = b->note_users[i].read_all_id;
    }
    for (unsigned i = 0; i < b->note_unread_count; i++) {
        find_note_user(b->note_unread[i].user_id)->unread = b->note_unread[i].unread;
    }
    for (unsigned i = 0; i < b->preferences_count; i++) {
        put_preferences(&b->preferences[i]);
    }
    for (unsigned i = 0; i < b->decisions_count; i++) {
        put_decision(&b->decisions[i]);
    }
    if (b->notifier_count > 0) {
        db.notifier = b->notifier[b->notifier_count - 1];
    }
}

static void apply(const struct store_batch *b)
{
    apply_attachments(b);
    apply_notes(b);
    apply_note_rest(b);
    apply_users(b);
    apply_members(b);
    apply_messages(b);
    fake_sessions_apply(b);
    apply_rest(b);
}

void fake_db_apply(const struct store_batch *b)
{
    LOCKED(apply(b));
}

/* -- store.h ------------------------------------------------------------------------------------------- */

void store_library_init(void)
{
}

void store_thread_end(void)
{
}

enum rc store_open(const struct store_conf *conf, struct store **out, struct buf *why)
{
    (void)conf;
    pthread_mutex_lock(&lock);
    bool down = db.down;
    db.counts.opens++;
    pthread_mutex_unlock(&lock);
    if (down) {
        buf_add_z(why, "It is down.");
        return RC_UNAVAILABLE;
    }
    *out = fake_db_open();
    return RC_OK;
}

void store_close(struct store *s)
{
    free(s);
}

bool store_alive(const struct store *s)
{
    return !s->lost;
}

bool store_ping(struct store *s)
{
    return !s->lost;
}

static enum store_rc lose(struct store *s)
{
    s->lost = true;
    return STORE_LOST;
}

enum store_rc store_read_head(struct store *s, struct store_head *out)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = db.down || s->lost ? lose(s) : STORE_OK;
    *out = db.head;
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_settle(struct store *s, const struct store_head *ours, uint64_t *last_batch)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = db.down || s->lost ? lose(s) : STORE_OK;
    if (rc == STORE_OK && (db.head.epoch != ours->epoch || db.head.last_batch > ours->last_batch + STORE_BATCH_VOID)) {
        rc = STORE_FENCED;
    }
    if (rc == STORE_OK && db.head.last_batch == ours->last_batch) {
        db.head.last_batch += STORE_BATCH_VOID;
    }
    *last_batch = db.head.last_batch;
    pthread_mutex_unlock(&lock);
    return rc;
}

static bool is(struct str s, const char *text)
{
    return text != NULL && s.len == strlen(text) && memcmp(s.p, text, s.len) == 0;
}

static bool is_disliked(const struct store_batch *b)
{
    for (unsigned i = 0; i < b->messages_new_count; i++) {
        if (is(b->messages_new[i].content, db.disliked)) {
            return true;
        }
    }
    for (unsigned i = 0; i < b->users_new_count; i++) {
        if (is(b->users_new[i].username, db.disliked)) {
            return true;
        }
    }
    return false;
}

static bool has_note(const struct row_note *n)
{
    for (unsigned i = 0; n->chat_id != 0 && i < db.notes_count; i++) {
        const struct row_note *o = &db.notes[i];
        if (o->user_id == n->user_id && o->chat_id == n->chat_id && o->seq == n->seq) {
            return true;
        }
    }
    return false;
}

static bool has_message_key(uint64_t user_id, const struct key16 *key)
{
    for (unsigned i = 0; i < db.messages_count; i++) {
        if (db.messages[i].sender_id == user_id && key16_eq(&db.messages[i].key, key)) {
            return true;
        }
    }
    return false;
}

static bool has_key(uint64_t user_id, const struct key16 *key)
{
    for (unsigned i = 0; i < db.keys_count; i++) {
        if (db.keys[i].user_id == user_id && key16_eq(&db.keys[i].key, key)) {
            return true;
        }
    }
    return false;
}

static bool is_duplicate(const struct store_batch *b)
{
    for (unsigned i = 0; i < b->messages_new_count; i++) {
        if (has_message_key(b->messages_new[i].sender_id, &b->messages_new[i].key)) {
            db.unique = STORE_UNIQUE_MESSAGE_KEY;
            return true;
        }
    }
    for (unsigned i = 0; i < b->notes_new_count; i++) {
        if (has_note(&b->notes_new[i])) {
            db.unique = STORE_UNIQUE_OTHER;
            return true;
        }
    }
    for (unsigned i = 0; i < b->keys_count; i++) {
        if (has_key(b->keys[i].user_id, &b->keys[i].key)) {
            db.unique = STORE_UNIQUE_OP_KEY;
            return true;
        }
    }
    db.unique = STORE_UNIQUE_OTHER;
    return fake_sessions_conflict(b);
}

static enum store_rc run_locked(struct store *s, const struct store_batch *b)
{
    db.counts.runs++;
    if (db.down || s->lost) {
        return lose(s);
    }
    if (db.run_times > 0) {
        db.run_times--;
        return db.run_rc == STORE_LOST ? lose(s) : db.run_rc;
    }
    if (b->epoch != db.head.epoch || b->last_batch != db.head.last_batch) {
        return STORE_FENCED;
    }
    if (is_disliked(b)) {
        db.unique = STORE_UNIQUE_USERNAME;
        return db.dislike_rc;
    }
    if (is_duplicate(b)) {
        return STORE_DUPLICATE;
    }
    s->running = b;
    return STORE_OK;
}

enum store_rc store_batch_run(struct store *s, const struct store_batch *b)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = run_locked(s, b);
    pthread_mutex_unlock(&lock);
    return rc;
}

static enum store_rc commit_locked(struct store *s)
{
    db.counts.commits++;
    while (db.hold) {
        pthread_cond_wait(&changed, &lock);
    }
    if (db.commit_times > 0) {
        db.commit_times--;
        if (db.commit_stored) {
            apply(s->running);
        }
        s->lost = db.commit_rc != STORE_OK;
        return db.commit_rc;
    }
    apply(s->running);
    s->running = NULL;
    return STORE_OK;
}

enum store_rc store_batch_commit(struct store *s)
{
    pthread_mutex_lock(&lock);
    void (*on)(void *ctx) = db.on_commit;
    void *ctx = db.on_commit_ctx;
    pthread_mutex_unlock(&lock);
    if (on != NULL) {
        on(ctx);
    }
    pthread_mutex_lock(&lock);
    enum store_rc rc = commit_locked(s);
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_unique store_duplicate(const struct store *s)
{
    (void)s;
    return db.unique;
}

static enum store_rc begin_find(struct store *s)
{
    db.counts.finds++;
    if (db.down || s->lost) {
        return lose(s);
    }
    if (db.find_times > 0) {
        db.find_times--;
        return db.find_rc == STORE_LOST ? lose(s) : db.find_rc;
    }
    return STORE_OK;
}

enum store_rc fake_db_begin_find(struct store *s)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_find_messages(struct store *s, const uint64_t *ids, unsigned count,
                                  store_on_message on, void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.messages_count; i++) {
        for (unsigned k = 0; k < count; k++) {
            if (db.messages[i].id == ids[k]) {
                on(ctx, &db.messages[i]);
                break;
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_find_message_keys(struct store *s, const struct user_key *keys, unsigned count,
                                      store_on_message on, void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.messages_count; i++) {
        for (unsigned k = 0; k < count; k++) {
            if (db.messages[i].sender_id == keys[k].user_id &&
                key16_eq(&db.messages[i].key, &keys[k].key)) {
                on(ctx, &db.messages[i]);
                break;
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_find_attachments(struct store *s, const uint64_t *ids, unsigned count, store_on_attachment on,
                                     void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < count; i++) {
        const struct row_attachment *a = find_attachment(ids[i]);
        if (a != NULL) {
            on(ctx, a);
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_attachments_at(struct store *s, const struct chat_seq *at, unsigned count, store_on_attachment on,
                                   void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.attachments_count; i++) {
        for (unsigned k = 0; k < count; k++) {
            if (db.attachments[i].chat_id == at[k].chat_id && db.attachments[i].seq == at[k].seq) {
                on(ctx, &db.attachments[i]);
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_find_keys(struct store *s, const struct user_key *keys, unsigned count,
                              store_on_key on, void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.keys_count; i++) {
        for (unsigned k = 0; k < count; k++) {
            if (db.keys[i].user_id == keys[k].user_id && key16_eq(&db.keys[i].key, &keys[k].key)) {
                on(ctx, &db.keys[i]);
                break;
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_messages_at(struct store *s, const struct chat_seq *at, unsigned count,
                                store_on_message on, void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.messages_count; i++) {
        for (unsigned k = 0; k < count; k++) {
            if (db.messages[i].chat_id == at[k].chat_id && db.messages[i].seq == at[k].seq) {
                on(ctx, &db.messages[i]);
                break;
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_count_own(struct store *s, uint64_t chat_id, uint64_t sender_id, uint64_t from,
                              uint64_t to, uint64_t *out)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    db.counts.counts++;
    *out = 0;
    for (unsigned i = 0; i < db.messages_count; i++) {
        const struct row_message *m = &db.messages[i];
        *out += m->chat_id == chat_id && m->sender_id == sender_id && m->seq > from && m->seq <= to;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_load_events(struct store *s, uint64_t after, uint64_t upto, unsigned limit,
                                store_on_event on, void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    unsigned n = 0;
    for (unsigned i = 0; rc == STORE_OK && i < db.events_count && n < limit; i++) {
        if (db.events[i].id > after && db.events[i].id <= upto) {
            on(ctx, &db.events[i]);
            n++;
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_load_note_events(struct store *s, uint64_t after, uint64_t upto, unsigned limit,
                                     store_on_event on, void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    unsigned n = 0;
    for (unsigned i = 0; rc == STORE_OK && i < db.events_count && n < limit; i++) {
        const struct row_event *e = &db.events[i];
        if (e->id > after && e->id <= upto && (e->kind == EV_MESSAGE || e->kind == EV_READ)) {
            on(ctx, e);
            n++;
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_load_event_users(struct store *s, uint64_t event_id, store_on_event_user on,
                                     void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.event_users_count; i++) {
        if (db.event_users[i].event_id == event_id) {
            on(ctx, &db.event_users[i]);
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static bool concerns(const struct row_event *e, const uint64_t *chats, unsigned count,
                     uint64_t user_id)
{
    for (unsigned i = 0; i < count; i++) {
        if (e->chat_id == chats[i]) {
            return true;
        }
    }
    if (e->kind == EV_NOTIFICATION && (e->subject_id == 0 || e->subject_id == user_id)) {
        return true;
    }
    for (unsigned i = 0; i < db.event_users_count; i++) {
        if (db.event_users[i].event_id == e->id && db.event_users[i].user_id == user_id) {
            return true;
        }
    }
    return false;
}

enum store_rc store_content_keys(struct store *s, struct buf *missing)
{
    (void)missing;
    return s->lost ? STORE_LOST : STORE_OK;
}

enum store_rc store_replay(struct store *s, const uint64_t *chats, unsigned count, uint64_t user_id,
                           uint64_t after, uint64_t upto, unsigned limit, store_on_event on,
                           void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    unsigned n = 0;
    for (unsigned i = 0; rc == STORE_OK && i < db.events_count && n < limit; i++) {
        const struct row_event *e = &db.events[i];
        if (e->id > after && e->id <= upto && concerns(e, chats, count, user_id)) {
            on(ctx, e);
            n++;
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_forget(struct store *s, uint64_t keys_us, uint64_t expires_s, bool *more)
{
    (void)s;
    (void)keys_us;
    (void)expires_s;
    *more = false;
    return STORE_OK;
}

enum store_rc store_trim(struct store *s, uint64_t epoch, uint64_t upto)
{
    (void)s;
    (void)epoch;
    LOCKED(db.counts.trims++; db.head.trimmed_to = upto);
    return STORE_OK;
}

/* -- notifications --------------------------------------------------------------------------------------- */

static uint64_t read_all_of(uint64_t user_id)
{
    for (unsigned i = 0; i < db.note_users_count; i++) {
        if (db.note_users[i].user_id == user_id) {
            return db.note_users[i].read_all_id;
        }
    }
    return 0;
}

/* As this user sees it. */
static struct row_note seen_by(const struct row_note *n, uint64_t viewer)
{
    struct row_note copy = *n;
    copy.viewer_id = viewer;
    for (unsigned i = 0; n->user_id == 0 && i < db.marks_count; i++) {
        if (db.marks[i].user_id == viewer && db.marks[i].id == n->id) {
            set_mark(&copy.read_us, &copy.deleted_us, &copy.last_event, &db.marks[i]);
        }
    }
    return copy;
}

enum store_rc store_find_notes(struct store *s, const struct note_key *keys, unsigned count, store_on_note on,
                               void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned k = 0; rc == STORE_OK && k < count; k++) {
        for (unsigned i = 0; i < db.notes_count; i++) {
            const struct row_note *n = &db.notes[i];
            if (n->id == keys[k].id && (n->user_id == 0 || n->user_id == keys[k].user_id)) {
                struct row_note copy = seen_by(n, keys[k].user_id);
                on(ctx, &copy);
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_unread_notes(struct store *s, const struct note_range *ranges, unsigned count,
                                 store_on_note on, void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned k = 0; rc == STORE_OK && k < count; k++) {
        uint64_t left = ranges[k].limit;
        for (unsigned i = db.notes_count; i-- > 0 && left > 0;) {
            const struct row_note *n = &db.notes[i];
            if (n->user_id == ranges[k].user_id && n->chat_id == ranges[k].chat_id && n->seq <= ranges[k].seq &&
                n->id > ranges[k].read_all_id && n->read_us == 0 && n->deleted_us == 0) {
                on(ctx, n);
                left--;
            }
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_list_notes(struct store *s, const struct note_page *page, store_on_note on, void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    uint64_t left = page->limit;
    for (unsigned i = db.notes_count; rc == STORE_OK && i-- > 0 && left > 0;) {
        struct row_note n = seen_by(&db.notes[i], page->user_id);
        bool mine = n.user_id == page->user_id ||
                    (n.user_id == 0 && n.created_us >= page->since_us && n.id > page->broadcasts_after);
        if (mine && n.id < page->before && n.id > page->after && n.deleted_us == 0 &&
            !(page->unread_only && n.read_us != 0)) {
            on(ctx, &n);
            left--;
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_decision(struct store *s, uint64_t message_id, struct buf *decisions, uint64_t *decided_us,
                             bool *found)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    *found = false;
    for (unsigned i = 0; rc == STORE_OK && i < db.decisions_count; i++) {
        if (db.decisions[i].message_id == message_id) {
            *found = true;
            *decided_us = db.decisions[i].decided_us;
            buf_add_str(decisions, db.decisions[i].decisions);
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_load_broadcasts(struct store *s, unsigned limit, store_on_note on, void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = db.notes_count; rc == STORE_OK && i-- > 0 && limit > 0;) {
        if (db.notes[i].user_id == 0) {
            on(ctx, &db.notes[i]);
            limit--;
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_first_notes(struct store *s, const uint64_t *users, unsigned count, store_on_note on, void *ctx)
{
    enum store_rc rc = STORE_OK;
    for (unsigned i = 0; rc == STORE_OK && i < count; i++) {
        rc = store_notes_after(s, users[i], 0, 1, on, ctx);
    }
    return rc;
}

enum store_rc store_notes_after(struct store *s, uint64_t user_id, uint64_t after, unsigned limit, store_on_note on,
                                void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.notes_count && limit > 0; i++) {
        if (db.notes[i].user_id == user_id && db.notes[i].id > after) {
            on(ctx, &db.notes[i]);
            limit--;
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_note_marks(struct store *s, uint64_t id, store_on_note on, void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.marks_count; i++) {
        if (db.marks[i].id == id) {
            on(ctx, &(struct row_note){.user_id = db.marks[i].user_id, .id = id});
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

static void drop_note(const struct note_key *key)
{
    for (unsigned i = 0; i < db.notes_count; i++) {
        if (db.notes[i].user_id == key->user_id && db.notes[i].id == key->id) {
            drop(db.notes[i].kind);
            drop(db.notes[i].title);
            drop(db.notes[i].text);
            drop(db.notes[i].link);
            db.notes_count--;
            memmove(&db.notes[i], &db.notes[i + 1], (db.notes_count - i) * sizeof(db.notes[0]));
            return;
        }
    }
}

enum store_rc store_drop_notes(struct store *s, uint64_t epoch, const struct note_key *keys, unsigned count)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    rc = rc == STORE_OK && db.head.epoch != epoch ? STORE_FENCED : rc;
    for (unsigned i = 0; rc == STORE_OK && i < count; i++) {
        drop_note(&keys[i]);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_forget_marks(struct store *s, uint64_t upto, bool *more)
{
    unsigned kept = 0;
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.marks_count; i++) {
        if (db.marks[i].id > upto) {
            db.marks[kept++] = db.marks[i];
        }
    }
    db.marks_count = rc == STORE_OK ? kept : db.marks_count;
    *more = false;
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_forget_checkins(struct store *s, uint64_t before_us, bool *more)
{
    (void)s;
    (void)before_us;
    *more = false;
    return STORE_OK;
}

enum store_rc store_recount_notes(struct store *s, uint64_t after)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.events_count; i++) {
        const struct row_event *e = &db.events[i];
        if (e->id <= after || e->kind < EV_NOTIFICATION || e->kind > EV_NOTIFICATION_DELETED || e->subject_id == 0) {
            continue;
        }
        struct row_note_user *u = find_note_user(e->subject_id);
        u->unread = 0;
        for (unsigned k = 0; k < db.notes_count; k++) {
            const struct row_note *n = &db.notes[k];
            u->unread += n->user_id == u->user_id && n->id > u->read_all_id && n->read_us == 0 && n->deleted_us == 0;
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_load_note_users(struct store *s, uint64_t first_broadcast, store_on_note_user on, void *ctx)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.note_users_count; i++) {
        on(ctx, &db.note_users[i]);
    }
    for (unsigned i = 0; rc == STORE_OK && i < db.marks_count; i++) {
        const struct row_note_mark *m = &db.marks[i];
        if (m->id >= first_broadcast && m->id > read_all_of(m->user_id)) {
            on(ctx, &(struct row_note_user){.user_id = m->user_id, .marked = 1});
        }
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_load_notifier(struct store *s, struct row_notifier *out)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    *out = db.notifier;
    pthread_mutex_unlock(&lock);
    return rc;
}

struct row_notifier fake_db_notifier(void)
{
    pthread_mutex_lock(&lock);
    struct row_notifier n = db.notifier;
    pthread_mutex_unlock(&lock);
    return n;
}

unsigned fake_db_notes(uint64_t user_id)
{
    unsigned n = 0;
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < db.notes_count; i++) {
        n += db.notes[i].user_id == user_id;
    }
    pthread_mutex_unlock(&lock);
    return n;
}

/* -- starting -------------------------------------------------------------------------------------------- */

enum rc store_migrate(struct store *s, unsigned *applied, struct buf *why)
{
    (void)s;
    (void)why;
    *applied = 0;
    return RC_OK;
}

enum store_rc store_fence(struct store *s, struct store_head *out)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    if (rc == STORE_OK) {
        db.head.epoch++;
        *out = db.head;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

enum store_rc store_load_maxima(struct store *s, struct store_maxima *out)
{
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    *out = (struct store_maxima){0};
    for (unsigned i = 0; i < db.users_count; i++) {
        out->user_id = db.users[i].id > out->user_id ? db.users[i].id : out->user_id;
    }
    for (unsigned i = 0; i < db.chats_count; i++) {
        out->chat_id = db.chats[i].id > out->chat_id ? db.chats[i].id : out->chat_id;
    }
    pthread_mutex_unlock(&lock);
    return rc;
}

/* Every row of a table to its callback. */
#define LOADER(function, type, table, prepare)                                                     \
    enum store_rc function(struct store *s, type on, void *ctx)                                    \
    {                                                                                              \
        pthread_mutex_lock(&lock);                                                                 \
        enum store_rc rc = begin_find(s);                                                          \
        for (unsigned i = 0; rc == STORE_OK && i < db.table##_count; i++) {                        \
            prepare;                                                                               \
            on(ctx, &db.table[i]);                                                                 \
        }                                                                                          \
        pthread_mutex_unlock(&lock);                                                               \
        return rc;                                                                                 \
    }

/* As the database derives it when it is asked. */
static void derive(struct row_chat *c)
{
    for (unsigned i = 0; i < db.messages_count; i++) {
        const struct row_message *m = &db.messages[i];
        if (m->chat_id == c->id && m->seq > c->last_seq) {
            c->last_seq = m->seq;
            c->last_message_id = m->id;
            c->last_text_event = m->last_event;
            c->last_message_us = m->created_us;
        }
    }
    for (unsigned i = 0; i < db.events_count; i++) {
        if (db.events[i].chat_id == c->id && db.events[i].id > c->last_event) {
            c->last_event = db.events[i].id;
        }
    }
}

static void derive_user(struct row_user *u)
{
    for (unsigned i = 0; i < db.events_count; i++) {
        const struct row_event *e = &db.events[i];
        bool own = e->kind == EV_NOTIFICATION && e->subject_id == u->id;
        u->last_event = own && e->id > u->last_event ? e->id : u->last_event;
    }
}

LOADER(store_load_users, store_on_user, users, derive_user(&db.users[i]))
LOADER(store_load_chats, store_on_chat, chats, derive(&db.chats[i]))
LOADER(store_load_members, store_on_member, members, (void)0)
LOADER(store_load_preferences, store_on_preferences, preferences, (void)0)
LOADER(store_load_deletions, store_on_deletion, deletions, (void)0)
LOADER(store_load_seen, store_on_seen, seen, (void)0)
LOADER(store_load_recoveries, store_on_recovery, recoveries, (void)0)

enum store_rc store_load_families(struct store *s, uint64_t now_s, uint64_t keep_s,
                                  store_on_family on, void *ctx)
{
    (void)now_s;
    (void)keep_s;
    pthread_mutex_lock(&lock);
    enum store_rc rc = begin_find(s);
    for (unsigned i = 0; rc == STORE_OK && i < db.families_count; i++) {
        on(ctx, &db.families[i]);
    }
    pthread_mutex_unlock(&lock);
    return rc;
}
