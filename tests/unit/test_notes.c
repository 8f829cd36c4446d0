/* The chunk that the notifier hands over, and the record that is kept. */
#include "tests/unit/unit.h"

#include "rest/notes.h"

static void test_a_chunk_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct buf chunk = BUF_INIT;
    struct note_subject s;
    struct note_choice c;
    notes_add_subject(&chunk, &(struct note_subject){.message_id = 9, .chat_id = 2, .seq = 3, .sender_id = 4, .created_us = 5,
                                                     .kind = STR("text"), .text = STR("h\xc3\xa9"), .choices = 2});
    notes_add_choice(&chunk, &(struct note_choice){7, NOTE_NOTIFIED, 1});
    notes_add_choice(&chunk, &(struct note_choice){UINT64_MAX, NOTE_MUTED, 0});
    notes_add_subject(&chunk, &(struct note_subject){.message_id = 10});
    struct rd in = rd_of(chunk.p, chunk.len);
    assert_true(notes_next_subject(&in, &s));
    assert_true(s.message_id == 9 && s.chat_id == 2 && s.seq == 3 && s.sender_id == 4 && s.created_us == 5 && s.choices == 2);
    assert_str(s.kind, "text");
    assert_str(s.text, "h\xc3\xa9");
    assert_true(notes_next_choice(&in, &c));
    assert_true(c.user_id == 7 && c.reason == NOTE_NOTIFIED && c.preview == 1);
    assert_true(notes_next_choice(&in, &c));
    assert_true(c.user_id == UINT64_MAX && c.reason == NOTE_MUTED);
    assert_true(notes_next_subject(&in, &s));
    assert_true(s.message_id == 10 && s.choices == 0);
    assert_false(notes_next_subject(&in, &s));
    assert_true(rd_end(&in));
    for (size_t cut = 1; cut < chunk.len; cut++) { /* no cut is read beyond its end */
        in = rd_of(chunk.p, cut);
        while (notes_next_subject(&in, &s)) {
            for (uint32_t i = 0; i < s.choices && notes_next_choice(&in, &c); i++) {
            }
        }
    }
    buf_release(&chunk);
}

static void test_a_record_tells_each_users_reason(void **state)
{
    (void)state;
    struct buf r = BUF_INIT;
    const uint64_t ids[] = {1, 127, 128, 16383, 16384, UINT64_C(9007199254740991)};
    for (unsigned i = 0; i < 6; i++) {
        notes_record_add(&r, ids[i], (uint8_t)(i + 1));
    }
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(notes_record_find(buf_str(&r), ids[i]), i + 1);
    }
    assert_int_equal(notes_record_find(buf_str(&r), 2), NOTE_UNDECIDED);
    assert_int_equal(r.len, 6 + 1 + 1 + 2 + 2 + 3 + 8);
    notes_record_add(&r, 0, NOTE_LARGE_CHAT);
    notes_record_add(&r, 5, NOTE_SENDER); /* a second piece, behind */
    assert_int_equal(notes_record_find(buf_str(&r), 2), NOTE_LARGE_CHAT);
    assert_int_equal(notes_record_find(buf_str(&r), 5), NOTE_SENDER);
    assert_int_equal(notes_record_find(STR(""), 5), NOTE_UNDECIDED);
    for (size_t cut = 0; cut < r.len; cut++) {
        (void)notes_record_find((struct str){r.p, cut}, 999);
    }
    assert_int_equal(notes_record_find(STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), 1), NOTE_UNDECIDED);
    buf_release(&r);
}

static void test_reasons_have_names(void **state)
{
    (void)state;
    for (uint8_t i = 0; i < NOTE_REASONS; i++) {
        assert_true(strlen(note_reason_name(i)) > 3);
        for (uint8_t k = 0; k < i; k++) {
            assert_string_not_equal(note_reason_name(i), note_reason_name(k));
        }
    }
    assert_string_equal(note_reason_name(NOTE_REASONS), "unknown");
}

static void test_what_was_seen(void **state)
{
    (void)state;
    struct buf b = BUF_INIT;
    struct note_seen s;
    notes_add_seen(&b, &(struct note_seen){1, 2, 3});
    notes_add_seen(&b, &(struct note_seen){4, 5, 6});
    struct rd in = rd_of(b.p, b.len - 1);
    assert_true(notes_next_seen(&in, &s));
    assert_true(s.user_id == 1 && s.chat_id == 2 && s.seq == 3);
    assert_false(notes_next_seen(&in, &s));
    buf_release(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_chunk_is_read_as_it_was_written),
        cmocka_unit_test(test_a_record_tells_each_users_reason),
        cmocka_unit_test(test_reasons_have_names),
        cmocka_unit_test(test_what_was_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
