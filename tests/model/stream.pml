/*
 * stream.pml -- publish, attach, replay and go-live, with crashes of every process
 *
 * One event log, one worker, one client with a cursor. Crashes are bounded: confab-rest (REST_CRASHES),
 * the worker (WORKER_CRASHES), the client (CLIENT_CRASHES) and the database (DB_CRASHES), which forgets
 * what was visible but not yet durable.
 *
 * Checked:  no event leaves before it is durable, each event reaches the client once and in order
 *           (assertions), and every event reaches it in the end (ltl delivered).
 * Mutations, each of which must fail:
 *   NOFENCE    a new confab-rest does not wait for the log's lock and does not look at the head
 *   EARLYLIVE  a session goes live before the worker's stream has reached where its replay ended
 *   UNCAPPED   replay reads what the database shows instead of what is published
 *   NODOUBT    a commit without an answer counts as done
 *
 * tests/model/run.sh checks all of them.
 */
#ifndef EVENTS
#define EVENTS 3
#endif
#ifndef REST_CRASHES
#define REST_CRASHES 1
#endif
#ifndef WORKER_CRASHES
#define WORKER_CRASHES 1
#endif
#ifndef CLIENT_CRASHES
#define CLIENT_CRASHES 1
#endif
#ifndef DB_CRASHES
#define DB_CRASHES 1
#endif

#define EVENT 1  /* an event of the live stream */
#define REPLAY 2 /* an event of the client's replay */
#define LIVE 3   /* from here on the stream is for the client */

/* the database */
byte durable = 0;    /* events that survive a crash */
byte visible = 0;    /* events that other sessions can read: never less than durable */
byte intx = 0;       /* the event in COMMIT, 0: none */
bool locked = false; /* the head row's lock */
bool answered = false, lost = false; /* how the COMMIT ended, for the one who sent it */

/* confab-rest: gone with a crash */
byte published = 0;
bool joined = false; /* the worker's hello has been answered */
byte sent = 0;       /* the worker's stream has been written up to here */
bool asked = false;  /* a replay is wanted */
byte replayed = 0, generation = 0;

/* the link, towards the worker */
chan link = [3] of { byte, byte, byte };

/* the worker: gone with a crash, kept over a crash of confab-rest */
bool fresh = true;
byte position = 0; /* where its stream has got to */
bool session = false, live = false, attaching = false;
byte session_generation = 0, session_at = 0;

/* the client: its cursor survives everything */
byte cursor = 0;
byte got[EVENTS + 1];

byte rest_crashes = 0, worker_crashes = 0, client_crashes = 0, db_crashes = 0;

inline deliver(id)
{
    assert(id <= durable);
    got[id]++;
    assert(got[id] == 1);
    assert(id == cursor + 1);
    cursor = id
}

inline link_down()
{
    do
    :: nempty(link) -> link?_, _, _
    :: empty(link) -> break
    od;
    joined = false;
    asked = false;
    attaching = false
}

/* InnoDB: rows of a transaction in COMMIT can be read before they are safe. */
active proctype database()
{
end:
    do
    :: atomic { intx != 0 && visible < intx -> visible = intx }
    :: atomic { intx != 0 && visible == intx -> durable = intx; intx = 0; locked = false; answered = true }
    :: atomic { db_crashes < DB_CRASHES && intx != 0 ->
           db_crashes++;
           visible = durable; intx = 0; locked = false; lost = true }
    :: atomic { db_crashes < DB_CRASHES && intx != 0 ->
           /* safe, but the answer is lost */
           db_crashes++;
           visible = intx; durable = intx; intx = 0; locked = false; lost = true }
    od
}

active proctype rest()
{
    bool waiting = false;
    byte target = 0;
boot:
    atomic { waiting = false; published = 0 };
    /* An answer to the process before this one reaches nobody. */
#ifdef NOFENCE
    atomic { published = durable; answered = false; lost = false };
#else
    atomic { !locked -> published = durable; answered = false; lost = false };
#endif
end:
    do
    :: atomic { !waiting && !locked && durable < EVENTS ->
           locked = true; target = durable + 1; intx = target; waiting = true }
#ifdef NOFENCE
    /* publishes what it committed itself and knows nothing of another one's */
    :: atomic { waiting && answered -> waiting = false; answered = false; published = published + 1 }
#else
    :: atomic { waiting && answered -> waiting = false; answered = false; published = target }
#endif
#ifdef NODOUBT
    :: atomic { waiting && lost -> waiting = false; lost = false; published = target }
#else
    /* In doubt: the head row tells; when it has not moved the batch is run again. */
    :: atomic { waiting && lost -> waiting = false; lost = false; published = durable }
#endif
    /* A worker that comes back says where it is; a new one starts at what is published. */
    :: atomic { !joined -> joined = true;
           if
           :: fresh -> sent = published; fresh = false; position = published
           :: else -> sent = position
           fi }
    :: atomic { joined && sent < published && nfull(link) -> sent++; link!EVENT, sent, 0 }
#ifdef UNCAPPED
    :: atomic { asked && joined && replayed < visible && nfull(link) ->
#else
    :: atomic { asked && joined && replayed < sent && nfull(link) ->
#endif
           replayed++; link!REPLAY, replayed, generation }
#ifdef EARLYLIVE
    :: atomic { asked && joined && replayed <= sent && nfull(link) ->
#else
    :: atomic { asked && joined && replayed == sent && nfull(link) ->
#endif
           asked = false; link!LIVE, sent, generation }
    :: atomic { rest_crashes < REST_CRASHES -> rest_crashes++; link_down(); goto boot }
    od
}

active proctype worker()
{
    byte kind, id, gen;
end:
    do
    :: atomic { session && !live && !attaching && joined ->
           attaching = true; asked = true; replayed = session_at; generation = session_generation }
    :: atomic { link?kind, id, gen ->
           if
           :: kind == EVENT ->
               position = id;
               if
               :: live -> session_at = id; deliver(id)
               :: else -> skip
               fi
           :: kind == REPLAY ->
               if
               :: session && gen == session_generation -> session_at = id; deliver(id)
               :: else -> skip
               fi
           :: kind == LIVE ->
               if
               :: session && gen == session_generation -> live = true
               :: else -> skip
               fi
           fi }
    :: atomic { worker_crashes < WORKER_CRASHES ->
           worker_crashes++; link_down();
           fresh = true; session = false; live = false; position = 0; session_at = 0 }
    od
}

active proctype client()
{
end:
    do
    :: atomic { !session ->
           session = true; session_generation++; attaching = false; session_at = cursor; live = false }
    :: atomic { client_crashes < CLIENT_CRASHES && session ->
           client_crashes++; session = false; live = false }
    od
}

/* Keeps fairness from being cut short by a deadlock-free end. */
bool tick = false;
active proctype clock()
{
end:
    do
    :: tick = !tick
    od
}

ltl delivered { <>[] (cursor == EVENTS) }
