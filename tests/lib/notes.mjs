// The notifications of users, over REST.
import assert from 'node:assert/strict';
import { until } from './wait.mjs';

export class Notes {
    constructor(sys) {
        this.sys = sys;
    }

    /** One page: {notifications, unread_count, next}. */
    async page(user, query = '') {
        return (await this.sys.api.expect(200, 'GET', `/api/notifications${query}`, { token: user.token })).json;
    }

    /** All of them, newest first, page by page. */
    async all(user, { limit = 200, unread = 0 } = {}) {
        const list = [];
        for (let next = ''; next !== null;) {
            const page = await this.page(user, `?limit=${limit}&unread=${unread}${next ? `&before=${next}` : ''}`);
            assert.ok(page.notifications.length <= limit);
            list.push(...page.notifications);
            next = page.next;
        }
        return list;
    }

    async unread(user) {
        return (await this.page(user, '?limit=1')).unread_count;
    }

    /** Waits until the notifier has decided about this message, and says what for this user. */
    async reason(message, user) {
        return until(`what was decided about ${message.message_id}`, async () => {
            const { json } = await this.explain(message.message_id, user.id);
            return json.decided && json.reason;
        });
    }

    explain(message, user) {
        return this.sys.api.admin('GET', `/api/admin/notifications/explain?message_id=${message}&user_id=${user}`);
    }

    /** Sends a message and says what was decided for each of the users. */
    async decided(by, chat, content, users) {
        const message = await this.sys.api.send(by, chat.chat_id, content);
        return Promise.all(users.map((user) => this.reason(message, user)));
    }

    async create(body, status = 201, headers) {
        const answer = await this.sys.api.admin('POST', '/api/admin/notifications',
            { body: { type: 'news', title: 'News', message: 'Something is new', ...body }, headers });
        assert.equal(answer.status, status, answer.text);
        return answer.json;
    }

    async prefer(user, body, status = 200) {
        const answer = await this.sys.api.call('PUT', '/api/me/notification-preferences', { token: user.token, body });
        assert.equal(answer.status, status, answer.text);
        return answer.json;
    }

    read(user, id) {
        return this.sys.api.call('POST', `/api/notifications/${id}/read`, { token: user.token });
    }

    readAll(user) {
        return this.sys.api.call('POST', '/api/notifications/read-all', { token: user.token });
    }

    delete(user, id) {
        return this.sys.api.call('DELETE', `/api/notifications/${id}`, { token: user.token });
    }
}
