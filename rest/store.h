/*
 * store.h -- what the services know of the database: typed rows in and out, no SQL
 *
 * Shape      struct store is one connection with its prepared statements; one thread at a time.
 * Errors     enum store_rc says what the caller must do next, not which number the server gave.
 *            After anything but STORE_OK, STORE_DUPLICATE and STORE_DATA in a batch the transaction
 *            has been rolled back (ROLLBACK first, always) or the connection is gone.
 * Ownership  The strings of struct store_conf must outlive the store.
 *            Strings in rows passed in are borrowed for the call; strings in rows given to callbacks
 *            are views until the callback returns.
 * Threads    store_library_init before any thread; store_thread_end in each thread that used a store.
 */
#ifndef REST_STORE_H
#define REST_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/buf.h"
#include "shared/event.h"
#include "shared/id.h"
#include "shared/rc.h"
#include "shared/str.h"

struct sealer;

enum store_rc {
    STORE_OK = 0,
    STORE_DUPLICATE,   /* 1062: a unique key exists; batch rolled back, look up who and decide again */
    STORE_RETRY,       /* deadlock or lock wait; rolled back, run it again after a back-off */
    STORE_DATA,        /* this content cannot be stored; rolled back, halve the batch */
    STORE_FULL,        /* disk full or read only; rolled back */
    STORE_LOST,        /* the connection failed before COMMIT was sent; nothing happened */
    STORE_IN_DOUBT,    /* the connection failed after COMMIT was sent */
    STORE_FENCED,      /* another process owns the log: stop at once */
    STORE_ERROR,       /* anything else; rolled back, logged */
};

struct store_conf {
    const char *socket;   /* path, or NULL for TCP */
    const char *host;
    unsigned port;
    const char *user;
    const char *password; /* may be empty: unix_socket authentication */
    const char *database;
    const char *tls_ca;   /* NULL: no TLS; with a CA file the server is verified */
    const char *tls_cert;
    const char *tls_key;
    const char *migrations; /* directory with NNN-name.sql */
    const struct sealer *sealer; /* NULL: texts of messages are kept as they are */
    unsigned connect_timeout_s;
    unsigned io_timeout_s;
};

struct store;

void store_library_init(void);
void store_thread_end(void);
RC_CHECK enum rc store_open(const struct store_conf *conf, struct store **out, struct buf *why);
void store_close(struct store *s);
/* Server-side session id, so that a successor can end it. */
uint64_t store_session_id(const struct store *s);
/* SELECT 1 within the io timeout. */
bool store_ping(struct store *s);
/* From another thread while calls of s may be running, but not store_close: they, and all further ones, fail as if the
 * connection was lost. */
void store_abort(struct store *s);
/* Nothing is changed, but a server that takes no changes says so: STORE_FULL. */
RC_CHECK enum store_rc store_probe_write(struct store *s);
/* Whether there is room on the disk: a table of 1 MB is made and dropped again. STORE_FULL: no. */
RC_CHECK enum store_rc store_probe_room(struct store *s);
/* false once the connection failed: every further call gives STORE_LOST; close it and open another. No I/O. */
bool store_alive(const struct store *s);
/* Apply sql/NNN-*.sql not yet applied, in order, under GET_LOCK; each recorded with its checksum. A file that
 * changed after it was applied is an error. *applied counts. */
RC_CHECK enum rc store_migrate(struct store *s, unsigned *applied, struct buf *why);

/* The key that seals is noted beside the texts. *missing gets the ids of those that were noted and that the sealer of
 * store_conf does not have; then nothing is noted. */
RC_CHECK enum store_rc store_content_keys(struct store *s, struct buf *missing);

/* -- the fence ------------------------------------------------------------------------------- */

struct store_head {
    uint64_t log_id;
    uint64_t epoch;
    uint64_t next_event; /* the id the next event gets */
    uint64_t trimmed_to; /* events up to this id may be gone */
    uint64_t last_batch;
    uint64_t checkpoint; /* members.own_total is right up to this event */
};
/* Create log_head when missing, raise the epoch, commit, read the row. Kills the previous owner's session when its
 * row lock is not free within the lock wait. */
RC_CHECK enum store_rc store_fence(struct store *s, struct store_head *out);
RC_CHECK enum store_rc store_read_head(struct store *s, struct store_head *out);
/* After STORE_IN_DOUBT, on a new connection: ours is the head before the batch. Where it has not been committed it never
 * will be, although its statements may still wait inside the server. *last_batch: ours + STORE_BATCH_DONE, or
 * ours + STORE_BATCH_VOID, which is then the head's number. STORE_FENCED: another process owns the log. */
#define STORE_BATCH_DONE 1
#define STORE_BATCH_VOID 2
RC_CHECK enum store_rc store_settle(struct store *s, const struct store_head *ours, uint64_t *last_batch);

/* -- loading the caches (after the fence) ------------------------------------------------------ */

struct row_user {
    uint64_t id, created_us;
    struct str username, name, external_id;
    struct str profile_url; /* p == NULL: none */
    struct str password_hash; /* only where a function says so */
    uint8_t status;           /* 0 active, 1 disabled */
    uint64_t valid_from_us;   /* of the last revocation of all tokens; those made before it are void */
    uint64_t last_event;      /* load only: newest event about the user */
};
struct row_chat {
    uint64_t id, created_us, created_by;
    uint8_t kind;
    uint8_t open;         /* enum cmd_flag: ON open to everybody, OFF or 0 not; in a change 0 = as it is */
    uint64_t renamed_us;  /* 0: never */
    struct str name;      /* empty in a change: as it is */
    uint64_t peer[2];     /* direct chats: lower and higher user id */
    uint64_t last_seq;    /* load only, derived */
    uint64_t last_message_id, last_text_event, last_message_us;
    uint64_t last_event;
};
struct row_member {
    uint64_t chat_id, user_id;
    uint8_t role;
    uint64_t joined_seq, read_seq;
    uint32_t own_total, own_at_read; /* own messages; those at or below read_seq */
    uint64_t own_seq;                /* own_total counts messages up to this one; later ones are in the log */
};
struct row_message {
    uint64_t chat_id, seq;
    uint64_t id; /* event id of its creation */
    uint64_t sender_id;
    uint64_t created_us;
    uint32_t version;
    uint8_t flags; /* enum message_flag */
    uint64_t last_event; /* the newest event that touched it */
    struct key16 key;    /* idempotency */
    struct key16 hash;   /* of operation and body */
    struct str kind, content;
};
struct row_note { /* a notification */
    uint64_t id;      /* event id of its creation */
    uint64_t user_id; /* 0: everybody who was registered then */
    uint64_t created_us, read_us, deleted_us; /* 0: not; of a broadcast they are kept per user */
    uint64_t last_event;                      /* the newest event that touched it */
    uint64_t chat_id, seq, sender_id;         /* the message it is about, whose texts are rendered; 0: none */
    uint8_t preview;                          /* enum preview */
    struct str kind, title, text, link;       /* of one about a message p == NULL; link.p == NULL: none */
    uint64_t viewer_id;                       /* store_find_notes: who asked */
};
struct row_note_mark { /* what its user did with a notification, or a user with a broadcast */
    uint64_t user_id, id;
    uint64_t read_us, deleted_us; /* 0: as it was */
    uint64_t last_event;
};
struct row_note_user {
    uint64_t user_id;
    uint64_t read_all_id; /* everything up to it is read */
    /* load only: unread ones of his own, and marked broadcasts above read_all_id */
    uint64_t unread, marked;
};
struct row_preferences {
    uint64_t user_id;
    struct str text; /* canonical JSON */
};
struct row_decision { /* about one message; text is appended to what is there */
    uint64_t message_id, decided_us;
    struct str decisions;
};
struct row_notifier { /* how far the notifier has come */
    uint64_t event_id;
    uint64_t user_id; /* of that message only users up to this one are decided; 0: all */
};
struct row_session { /* an event session */
    uint64_t id;
    struct key16 uuid;
    struct str title;
    uint8_t visibility;        /* enum session_visibility */
    uint8_t open_registration; /* 0 or 1 */
    uint64_t created_by, created_us, updated_us, deleted_us;
    struct key16 key_hash;       /* of the scanner key; zeros: none */
    uint64_t attendees, arrived; /* load only */
};
struct row_session_role {
    uint64_t session_id, user_id;
    uint8_t role; /* enum session_role; 0: none any more */
};
struct row_attendee {
    uint64_t session_id, user_id;
    uint64_t code;                   /* 0: walked in without one */
    uint64_t checkin_id, checkin_us; /* 0: not yet */
    uint64_t last_event;             /* the newest event that touched it */
};
/* row_message.flags beside enum message_flag; stays in confab-rest: an attachment's row refers to the message. */
#define ROW_MESSAGE_ATTACHED 4

struct row_attachment { /* a file below attachments_dir */
    uint64_t id;      /* random; also its upload's and its file's */
    uint64_t chat_id;
    uint64_t seq;     /* of the message that refers to it; 0: none */
    uint64_t uploader_id, size, created_us;
    uint64_t unused_us; /* since when no message shows it; 0: one does */
    struct str sha256, mime_type, name;
};
struct row_checkin {
    uint64_t id; /* event id */
    uint64_t session_id, user_id, by_user_id, at_us; /* user_id 0: a code that nobody has; by 0: a scanner */
    uint8_t result;     /* enum checkin_result */
    struct str name;    /* the user's as it was then */
};
struct row_event {
    uint64_t id;
    uint8_t kind;
    uint64_t chat_id, seq; /* 0 where none */
    uint64_t actor_id, subject_id;
    uint64_t number;
    uint32_t version;
    uint64_t at_us;
};
struct row_seen { /* a user */
    uint64_t user_id, seen_us;
    uint8_t online; /* others were told so */
};
struct row_recovery { /* a connection of Socket.IO that can be recovered */
    struct str pid;   /* empty: the clock, in lost_us */
    uint64_t user_id;
    uint64_t lost_us; /* 0: it was there when this was written */
    uint64_t position; /* the rooms were these when the log was here */
    struct str rooms; /* see struct link_recovery */
};
struct row_event_user { /* which user's own events */
    uint64_t user_id, event_id;
};
struct row_deletion {
    uint64_t chat_id, seq, sender_id;
};
struct row_key { /* outcome of a mutation other than a message, by idempotency key */
    uint64_t user_id;
    struct key16 key, hash;
    uint8_t kind; /* enum cmd_kind */
    uint16_t code;
    uint64_t event_id, chat_id, other_id, number, at_us;
};
struct row_family { /* one login: a refresh token that rotates */
    uint64_t id, user_id;
    struct key16 refresh_hash;  /* of the present refresh token */
    struct key16 previous_hash; /* a use of this one is a reuse */
    uint64_t created_us, expires_s, revoked_us; /* revoked 0: alive */
};

typedef void (*store_on_user)(void *ctx, const struct row_user *r);
typedef void (*store_on_chat)(void *ctx, const struct row_chat *r);
typedef void (*store_on_member)(void *ctx, const struct row_member *r);
typedef void (*store_on_message)(void *ctx, const struct row_message *r);
typedef void (*store_on_event)(void *ctx, const struct row_event *r);
typedef void (*store_on_event_user)(void *ctx, const struct row_event_user *r);
typedef void (*store_on_seen)(void *ctx, const struct row_seen *r);
typedef void (*store_on_recovery)(void *ctx, const struct row_recovery *r);
typedef void (*store_on_deletion)(void *ctx, const struct row_deletion *r);
typedef void (*store_on_key)(void *ctx, const struct row_key *r);
typedef void (*store_on_family)(void *ctx, const struct row_family *r);
typedef void (*store_on_session)(void *ctx, const struct row_session *r);
typedef void (*store_on_session_role)(void *ctx, const struct row_session_role *r);
typedef void (*store_on_attendee)(void *ctx, const struct row_attendee *r);
typedef void (*store_on_checkin)(void *ctx, const struct row_checkin *r);
typedef void (*store_on_attachment)(void *ctx, const struct row_attachment *r);
typedef void (*store_on_note)(void *ctx, const struct row_note *r);
typedef void (*store_on_note_user)(void *ctx, const struct row_note_user *r);
typedef void (*store_on_preferences)(void *ctx, const struct row_preferences *r);

struct store_maxima {
    uint64_t user_id, chat_id, family_id, session_id;
};
RC_CHECK enum store_rc store_load_maxima(struct store *s, struct store_maxima *out);
RC_CHECK enum store_rc store_load_users(struct store *s, store_on_user on, void *ctx);
/* Not the deleted ones; last_seq, last_* derived (loose index scans, no table scan of messages). */
RC_CHECK enum store_rc store_load_chats(struct store *s, store_on_chat on, void *ctx);
RC_CHECK enum store_rc store_load_members(struct store *s, store_on_member on, void *ctx);
RC_CHECK enum store_rc store_load_deletions(struct store *s, store_on_deletion on, void *ctx);
/* Alive families, and those revoked within the last keep_s seconds. */
RC_CHECK enum store_rc store_load_families(struct store *s, uint64_t now_s, uint64_t keep_s,
                                           store_on_family on, void *ctx);
/* Event sessions that are not deleted, with their counts, and the roles in them. */
RC_CHECK enum store_rc store_load_sessions(struct store *s, store_on_session on, void *ctx);
RC_CHECK enum store_rc store_load_session_roles(struct store *s, store_on_session_role on, void *ctx);
RC_CHECK enum store_rc store_load_seen(struct store *s, store_on_seen on, void *ctx);
/* The clock, then who was lost, longest ago first, then who was there. */
RC_CHECK enum store_rc store_load_recoveries(struct store *s, store_on_recovery on, void *ctx);
/* Events after `after` up to `upto`, rising, at most limit. */
RC_CHECK enum store_rc store_load_events(struct store *s, uint64_t after, uint64_t upto,
                                         unsigned limit, store_on_event on, void *ctx);
/* Per uploader: uploader_id and size, the sum. */
RC_CHECK enum store_rc store_load_attachment_sums(struct store *s, store_on_attachment on, void *ctx);
/* Whose own an event is, rising user ids. */
RC_CHECK enum store_rc store_load_event_users(struct store *s, uint64_t event_id,
                                              store_on_event_user on, void *ctx);
/* The newest broadcasts, falling: id and created_us only. */
RC_CHECK enum store_rc store_load_broadcasts(struct store *s, unsigned limit, store_on_note on, void *ctx);
/* Count anew, in the table, what the users of events after this one have not read: their counts are those of the checkpoint. */
RC_CHECK enum store_rc store_recount_notes(struct store *s, uint64_t after);
/* What counts as unread. A user may come several times: the fields of the rows add up. Marks of broadcasts below
 * first_broadcast do not count. */
RC_CHECK enum store_rc store_load_note_users(struct store *s, uint64_t first_broadcast, store_on_note_user on,
                                             void *ctx);
RC_CHECK enum store_rc store_load_preferences(struct store *s, store_on_preferences on, void *ctx);
RC_CHECK enum store_rc store_load_notifier(struct store *s, struct row_notifier *out);

/* -- one batch (the writer) -------------------------------------------------------------------- */

/* Rows to persist, in the order of the members. Arrays may be empty. Strings are borrowed. */
struct store_batch {
    struct row_user *users_new;          unsigned users_new_count;
    struct row_user *users_set;          unsigned users_set_count; /* name, profile_url, status, valid_from_us; password_hash when p != NULL */
    struct row_chat *chats_new;          unsigned chats_new_count;
    struct row_chat *chats_set;          unsigned chats_set_count; /* name, renamed_us */
    uint64_t *chats_deleted;             unsigned chats_deleted_count; /* marks; members rows go */
    struct row_member *members_put;      unsigned members_put_count; /* insert or replace; also cursors and checkpoints */
    struct row_member *members_gone;     unsigned members_gone_count;
    struct row_message *messages_new;    unsigned messages_new_count;
    struct row_message *messages_set;    unsigned messages_set_count; /* content, version, flags, last_event */
    struct row_deletion *deletions;      unsigned deletions_count;
    struct row_event *events;            unsigned events_count;
    struct row_event_user *event_users;  unsigned event_users_count;
    struct row_key *keys;                unsigned keys_count;
    struct row_family *families_new;     unsigned families_new_count;
    struct row_family *families_set;     unsigned families_set_count; /* hashes, expiry, revoked */
    struct row_session *sessions_put;    unsigned sessions_put_count; /* insert, or replace what can change */
    struct row_session_role *session_roles_put; unsigned session_roles_put_count; /* likewise */
    struct row_attendee *attendees_new;  unsigned attendees_new_count;
    struct row_attendee *attendees_set;  unsigned attendees_set_count; /* all but the ids */
    uint64_t *sessions_deleted;          unsigned sessions_deleted_count; /* their roles and attendees go */
    struct row_checkin *checkins;        unsigned checkins_count;
    struct row_attachment *attachments_new;     unsigned attachments_new_count;
    struct row_attachment *attachments_used;    unsigned attachments_used_count;    /* by id: seq; not unused any more */
    struct row_attachment *attachments_dropped; unsigned attachments_dropped_count; /* by chat_id and seq: unused_us */
    uint64_t *attachments_gone;                 unsigned attachments_gone_count;
    struct row_note *notes_new;          unsigned notes_new_count;
    struct row_note_mark *notes_set;     unsigned notes_set_count;   /* of one user's own */
    struct row_note_mark *note_marks;    unsigned note_marks_count;  /* of broadcasts */
    struct row_note_user *note_users;    unsigned note_users_count;  /* read_all_id */
    struct row_note_user *note_unread;   unsigned note_unread_count; /* unread, of a checkpoint */
    struct row_preferences *preferences; unsigned preferences_count; /* insert or replace */
    struct row_decision *decisions;      unsigned decisions_count;
    struct row_notifier *notifier;       unsigned notifier_count;    /* the last one counts */
    struct row_seen *seen;               unsigned seen_count; /* insert or replace */
    struct row_recovery *recoveries;     unsigned recoveries_count; /* insert or replace */
    struct row_recovery *recoveries_gone; unsigned recoveries_gone_count; /* pid only; after those */
    uint64_t epoch, last_batch;          /* the fence: WHERE epoch=? AND last_batch=? ; last_batch becomes +1 */
    uint64_t next_event;                 /* new value of log_head.next_event */
    uint64_t checkpoint;                 /* new value when not 0 */
};
/* START TRANSACTION and every statement up to and including the head row; no COMMIT. A batch of a few messages alone is
 * committed here already, in one round trip: then STORE_IN_DOUBT comes from here, and store_batch_commit has nothing
 * left to do. Nothing but store_batch_commit may follow STORE_OK. */
RC_CHECK enum store_rc store_batch_run(struct store *s, const struct store_batch *b);
RC_CHECK enum store_rc store_batch_commit(struct store *s);
/* After STORE_DUPLICATE: which unique key it was. */
enum store_unique {
    STORE_UNIQUE_OTHER,
    STORE_UNIQUE_MESSAGE_KEY, /* (sender_id, key) of a message */
    STORE_UNIQUE_OP_KEY,      /* (user_id, key) of another mutation */
    STORE_UNIQUE_USERNAME,    /* equal under the column's collation: sql/001 */
    STORE_UNIQUE_EXTERNAL_ID,
    STORE_UNIQUE_PEERS,       /* a direct chat of the pair exists */
};
enum store_unique store_duplicate(const struct store *s);

/* -- look-ups, one multi-row SELECT each -------------------------------------------------------- */

/* Messages by id (through events). content included. Order unspecified; absent ones are left out. */
RC_CHECK enum store_rc store_find_messages(struct store *s, const uint64_t *ids, unsigned count,
                                           store_on_message on, void *ctx);
struct user_key {
    uint64_t user_id;
    struct key16 key;
};
/* Messages by (sender, key); content left out. */
RC_CHECK enum store_rc store_find_message_keys(struct store *s, const struct user_key *keys,
                                               unsigned count, store_on_message on, void *ctx);
RC_CHECK enum store_rc store_find_keys(struct store *s, const struct user_key *keys, unsigned count,
                                       store_on_key on, void *ctx);
/* Messages and moved read cursors in the log after `after` up to `upto`, rising, at most limit. */
RC_CHECK enum store_rc store_load_note_events(struct store *s, uint64_t after, uint64_t upto, unsigned limit,
                                              store_on_event on, void *ctx);
struct note_key {
    uint64_t user_id, id;
};
/* Notifications as their user sees them: his own, or a broadcast with his marks (user_id 0, viewer_id his). Deleted
 * ones too. Order unspecified. */
RC_CHECK enum store_rc store_find_notes(struct store *s, const struct note_key *keys, unsigned count,
                                        store_on_note on, void *ctx);
struct note_range {
    uint64_t user_id, chat_id, seq; /* messages up to seq */
    uint64_t read_all_id, limit;
};
/* Unread notifications about these messages: user_id, id, chat_id, seq only. At most limit for each range. */
RC_CHECK enum store_rc store_unread_notes(struct store *s, const struct note_range *ranges, unsigned count,
                                          store_on_note on, void *ctx);

struct attendee_key {
    uint64_t session_id;
    uint64_t number; /* user or code */
};
RC_CHECK enum store_rc store_find_attendees(struct store *s, const struct attendee_key *keys, unsigned count,
                                            store_on_attendee on, void *ctx);
RC_CHECK enum store_rc store_find_codes(struct store *s, const struct attendee_key *keys, unsigned count,
                                        store_on_attendee on, void *ctx);
/* By the ids of their events. */
RC_CHECK enum store_rc store_find_checkins(struct store *s, const uint64_t *ids, unsigned count,
                                           store_on_checkin on, void *ctx);
struct chat_seq {
    uint64_t chat_id, seq;
};
RC_CHECK enum store_rc store_find_attachments(struct store *s, const uint64_t *ids, unsigned count,
                                              store_on_attachment on, void *ctx);
/* By the message that refers to them. */
RC_CHECK enum store_rc store_attachments_at(struct store *s, const struct chat_seq *at, unsigned count,
                                            store_on_attachment on, void *ctx);
/* Unused since before then, the longest unused first. */
RC_CHECK enum store_rc store_unused_attachments(struct store *s, uint64_t before_us, unsigned limit,
                                                store_on_attachment on, void *ctx);

/* -- reads for clients (the caller caps them at what is published) ------------------------------ */

/* Messages of a chat with from <= seq <= to, rising (or falling), at most limit. */
RC_CHECK enum store_rc store_history(struct store *s, uint64_t chat_id, uint64_t from, uint64_t to,
                                     bool falling, unsigned limit, store_on_message on, void *ctx);
RC_CHECK enum store_rc store_messages_at(struct store *s, const struct chat_seq *at, unsigned count,
                                         store_on_message on, void *ctx);
/* How many messages of sender have from < seq <= to. */
RC_CHECK enum store_rc store_count_own(struct store *s, uint64_t chat_id, uint64_t sender_id,
                                       uint64_t from, uint64_t to, uint64_t *out);
/* Events of any of the chats, the user's own and everybody's, with after < id <= upto, rising, at most limit. */
RC_CHECK enum store_rc store_replay(struct store *s, const uint64_t *chats, unsigned count,
                                    uint64_t user_id, uint64_t after, uint64_t upto, unsigned limit,
                                    store_on_event on, void *ctx);
/* Attendees of an event session with user_id > after, rising, at most limit. */
RC_CHECK enum store_rc store_attendees(struct store *s, uint64_t session_id, uint64_t after, unsigned limit,
                                       store_on_attendee on, void *ctx);
/* Its check-ins up to this event, newest first, at most limit. */
RC_CHECK enum store_rc store_checkins(struct store *s, uint64_t session_id, uint64_t upto, unsigned limit,
                                      store_on_checkin on, void *ctx);
struct note_page {
    uint64_t user_id;
    uint64_t before;      /* ids below it */
    uint64_t after;       /* ids above it: read_all_id, when only unread ones are wanted */
    uint64_t since_us;    /* broadcasts from then on: when the user came to be */
    uint64_t broadcasts_after; /* broadcasts with ids above it */
    uint64_t limit;
    bool unread_only;
};
/* The user's notifications and broadcasts, falling, without deleted ones. read_us as the rows say. */
RC_CHECK enum store_rc store_list_notes(struct store *s, const struct note_page *page, store_on_note on,
                                        void *ctx);
/* Append the decisions about a message. STORE_OK with *found. */
RC_CHECK enum store_rc store_decision(struct store *s, uint64_t message_id, struct buf *decisions,
                                      uint64_t *decided_us, bool *found);
/* password_hash filled. STORE_OK with *found. */
RC_CHECK enum store_rc store_password(struct store *s, uint64_t user_id, struct buf *hash,
                                      bool *found);
/* Trim: delete events of kinds other than EV_MESSAGE with id <= upto, what was decided about messages up to there, and
 * notifications that were deleted before; set trimmed_to (fenced). */
RC_CHECK enum store_rc store_trim(struct store *s, uint64_t epoch, uint64_t upto);
/* Forget outcomes of mutations older than keys_us and logins that expired before expires_s, STORE_FORGET_MAX of each at most.
 * *more: there is more of it. */
#define STORE_FORGET_MAX 1000
RC_CHECK enum store_rc store_forget(struct store *s, uint64_t keys_us, uint64_t expires_s, bool *more);
/* The first notification of each of these users (0: everybody's): user_id, id, created_us only. */
RC_CHECK enum store_rc store_first_notes(struct store *s, const uint64_t *users, unsigned count, store_on_note on,
                                         void *ctx);
/* A user's with ids above `after`, rising, at most limit: as those, and read_us, deleted_us, last_event. */
RC_CHECK enum store_rc store_notes_after(struct store *s, uint64_t user_id, uint64_t after, unsigned limit,
                                         store_on_note on, void *ctx);
/* Users who have read or deleted a broadcast one by one: user_id and id only. */
RC_CHECK enum store_rc store_note_marks(struct store *s, uint64_t id, store_on_note on, void *ctx);
/* Delete the rows, all in one transaction (fenced). */
RC_CHECK enum store_rc store_drop_notes(struct store *s, uint64_t epoch, const struct note_key *keys, unsigned count);
/* Delete marks of broadcasts that are gone, up to this id, STORE_FORGET_MAX at most. */
RC_CHECK enum store_rc store_forget_marks(struct store *s, uint64_t upto, bool *more);
/* Delete check-ins of event sessions that were deleted before then, STORE_FORGET_MAX at most. */
RC_CHECK enum store_rc store_forget_checkins(struct store *s, uint64_t before_us, bool *more);

#endif
