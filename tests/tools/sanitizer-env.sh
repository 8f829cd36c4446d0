# sanitizer-env.sh -- to be sourced: where the sanitizers of the daemons put their reports, and how to collect them
#
# A daemon that a test has already killed or does not look at any more cannot hide a report: each one is a failure.
sanitizer_reports=$(realpath -m "$BUILD")/tests/logs/sanitizer
rm -rf "$sanitizer_reports"
mkdir -p "$sanitizer_reports"
export ASAN_OPTIONS="log_path=$sanitizer_reports/report:exitcode=99:detect_stack_use_after_return=1"
export UBSAN_OPTIONS="log_path=$sanitizer_reports/report:print_stacktrace=1"
export LSAN_OPTIONS="suppressions=$PWD/tests/tools/lsan.supp:print_suppressions=0"
ulimit -n "$(ulimit -Hn)"
case $BUILD in
*asan*) export CONFAB_TEST_SLOW=3 ;;
esac

# Prints what was found; the number of reports is left in $sanitizer_count.
collect_sanitizer_reports() {
    local f
    sanitizer_count=0
    for f in "$sanitizer_reports"/report*; do
        [ -e "$f" ] || continue
        sanitizer_count=$((sanitizer_count + 1))
        echo "sanitizer report $f:"
        head -n 60 "$f"
    done
}
