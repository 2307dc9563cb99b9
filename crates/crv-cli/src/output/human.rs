//! Numbers as people read them.

/// Formats a size in bytes: `512 B`, `1.5 KiB`.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would print as 1024.0.
    while size >= 1023.95 && unit + 1 < UNITS.len() {
        size /= 1024.0;
        unit += 1;
    }
    format!("{size:.1} {}", UNITS[unit])
}

/// Formats a count with thousands separators: `12,345`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a count with its noun: `1 part`, `1,200 rows`.
pub(crate) fn counted(number: u64, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {what}{plural}", count(number))
}

/// Formats a time span by its largest unit: `12s`, `5m`, `3h`, `4d`. Empty without one.
pub(crate) fn age(seconds: Option<f64>) -> String {
    const UNITS: [(u64, &str); 3] = [(86_400, "d"), (3_600, "h"), (60, "m")];
    let Some(seconds) = seconds.map(|seconds| seconds as u64) else { return String::new() };
    match UNITS.iter().find(|(size, _)| seconds >= *size) {
        Some((size, unit)) => format!("{}{unit}", seconds / size),
        None => format!("{seconds}s"),
    }
}

/// Formats a span of ticks, both ends included, as `--ticks` takes it; empty without one.
pub(crate) fn ticks(span: Option<(i64, i64)>) -> String {
    match span {
        None => String::new(),
        Some((min, max)) if min == max => min.to_string(),
        Some((min, max)) => format!("{min}..{max}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_the_largest_unit_that_leaves_a_whole_digit() {
        let sizes = [0, 1023, 1024, 1536, 1024 * 1024 - 1, 1 << 20, u64::MAX].map(bytes);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1.0 MiB", "1.0 MiB", "16384.0 PiB"]);
    }

    #[test]
    fn time_spans_have_their_largest_unit() {
        let ages = [0.0, 59.9, 60.0, 3_599.0, 7_200.0, 86_400.0, 1e9].map(|seconds| age(Some(seconds)));
        assert_eq!(ages, ["0s", "59s", "1m", "59m", "2h", "1d", "11574d"]);
        assert_eq!(age(None), "");
    }

    #[test]
    fn thousands_are_set_apart() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
