/* The sentence that a person gets to see out of what libvirt says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
// clang-format off
#include <cmocka.h>
// clang-format on

#include "hypervisor/libvirt/libvirt_error.h"

static void assert_cleaned(const char *message, gboolean from_hook, const char *expected)
{
    g_autofree char *text = libvirt_error_clean(message, from_hook);
    assert_string_equal(text, expected);
}

#define HOOK                                                                                       \
    "internal error: Child process (LC_ALL=C PATH=/bin /etc/libvirt/hooks/qemu.d/underpin vm1 "    \
    "prepare begin -) unexpected exit status 1: "

static void of_a_hook_only_its_last_line_is_kept(void **state)
{
    (void)state;
    assert_cleaned(HOOK "underpin: being moved, try again\n", TRUE,
                   "underpin: being moved, try again");
    assert_cleaned(HOOK "noise\nmore\n\nunderpin: no\n\n", TRUE, "underpin: no");
    assert_cleaned(HOOK "noise\ntool failed with exit status 2: reason", TRUE,
                   "tool failed with exit status 2: reason");
    assert_cleaned("Child process (x) unexpected fatal signal 9", TRUE,
                   "Child process (x) unexpected fatal signal 9");
}

static void qemus_lines_become_one_without_time_and_program(void **state)
{
    (void)state;
    assert_cleaned("process exited while connecting to monitor: 2026-01-02T03:04:05.6Z "
                   "qemu-system-x86_64: -blockdev {}: Failed to get \"write\" lock\n"
                   "Is another process using the image [/a.qcow2]?\n",
                   FALSE,
                   "-blockdev {}: Failed to get \"write\" lock; Is another process using the image "
                   "[/a.qcow2]?");
}

static void control_characters_and_broken_text_do_not_reach_a_terminal(void **state)
{
    (void)state;
    assert_cleaned("a\x1b[2Jb\tc", FALSE, "a [2Jb c");
    g_autofree char *broken = libvirt_error_clean("x\xff", FALSE);
    assert_true(g_utf8_validate(broken, -1, NULL));
}

static void a_long_message_is_cut_between_characters(void **state)
{
    (void)state;
    g_autoptr(GString) message = g_string_new("x");
    for (int i = 0; i < 1000; i++)
        g_string_append(message, "ä");
    g_autofree char *text = libvirt_error_clean(message->str, FALSE);
    assert_true(strlen(text) < 410);
    assert_true(g_str_has_suffix(text, "…"));
    assert_true(g_utf8_validate(text, -1, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_hook_only_its_last_line_is_kept),
        cmocka_unit_test(qemus_lines_become_one_without_time_and_program),
        cmocka_unit_test(control_characters_and_broken_text_do_not_reach_a_terminal),
        cmocka_unit_test(a_long_message_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
