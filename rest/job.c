#include "rest/job.h"

#include <stdlib.h>

#include "shared/mem.h"
#include "shared/rd.h"

/* Everything that makes two commands the same, but for who asks and over which connection. */
static void hash_cmd(const struct cmd *c, struct key16 *out)
{
    struct buf b = BUF_INIT;
    buf_add_be8(&b, c->kind);
    buf_add_be64(&b, c->chat_id);
    buf_add_be64(&b, c->user_id);
    buf_add_be64(&b, c->message_id);
    buf_add_be64(&b, c->kind == CMD_READ ? 0 : c->number);
    buf_add_be64(&b, c->kind == CMD_ATTACHMENT_ADD ? 0 : c->seq);
    buf_add_be32(&b, (uint32_t)c->name.len);
    buf_add_str(&b, c->name);
    buf_add_be32(&b, (uint32_t)c->content.len);
    buf_add_str(&b, c->content);
    for (uint32_t i = 0; i < c->users_count; i++) {
        buf_add_be64(&b, c->users[i]);
    }
    /* a message's attachment, whether a group is open */
    bool has_number2 = c->kind == CMD_MESSAGE_SEND || c->kind == CMD_CHAT_CREATE_GROUP || c->kind == CMD_CHAT_RENAME;
    if (has_number2 && c->number2 != 0) {
        buf_add_be64(&b, c->number2);
    }
    if (c->kind >= CMD_NOTIFY) { /* stored hashes of the older kinds stay what they are */
        /* The same file sent again is the same, though every upload has an id and a time of its own. */
        buf_add_be64(&b, c->kind == CMD_ATTACHMENT_ADD ? 0 : c->number2);
        buf_add_be32(&b, (uint32_t)c->title.len);
        buf_add_str(&b, c->title);
        buf_add_be8(&b, c->link.p != NULL);
        buf_add_str(&b, c->link);
    }
    hash16(buf_str(&b), out);
    buf_release(&b);
}

static struct str copy_text(char **at, struct str s)
{
    char *p = *at;
    if (s.len > 0) {
        memcpy(p, s.p, s.len);
    }
    p[s.len] = '\0';
    *at += s.len + 1;
    return (struct str){p, s.len};
}

struct job *job_new(const struct cmd *c, svc_done done, void *ctx, uint64_t deadline_ms)
{
    size_t users_bytes = (size_t)c->users_count * sizeof(c->users[0]);
    size_t text_bytes = c->name.len + c->content.len + c->secret.len + c->title.len + c->link.len + 5;
    struct job *j = mem_try(1, sizeof(*j) + users_bytes + text_bytes);
    if (j == NULL) {
        return NULL;
    }
    j->cmd = *c;
    j->done = done;
    j->ctx = ctx;
    j->deadline_ms = deadline_ms;
    uint64_t *users = (uint64_t *)(void *)(j + 1);
    if (users_bytes > 0) {
        memcpy(users, c->users, users_bytes);
    }
    j->cmd.users = users;
    char *text = (char *)users + users_bytes;
    j->cmd.name = copy_text(&text, c->name);
    j->cmd.content = copy_text(&text, c->content);
    j->cmd.secret = copy_text(&text, c->secret);
    j->cmd.title = copy_text(&text, c->title);
    j->cmd.link = c->link.p != NULL ? copy_text(&text, c->link) : STR_NONE;
    hash_cmd(&j->cmd, &j->hash);
    return j;
}

void job_free(struct job *j)
{
    if (j != NULL) {
        free(j->seen);
    }
    free(j);
}
