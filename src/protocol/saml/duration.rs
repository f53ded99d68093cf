//! Durations as a person reads them.

use std::time::Duration;

/// A duration in a person's words: `5 min 12 s`.
pub(super) fn words(duration: Duration) -> String {
    let secs = seconds(duration);
    match secs {
        0..60 => format!("{secs} s"),
        60..3600 => format!("{} min {} s", secs / 60, secs % 60),
        3600..86_400 => format!("{} h {} min", secs / 3600, secs / 60 % 60),
        _ => format!("{} d {} h", secs / 86_400, secs / 3600 % 24),
    }
}

/// Whole seconds, rounded up.
pub(super) fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_like_words() {
        for (secs, text) in
            [(0, "0 s"), (59, "59 s"), (312, "5 min 12 s"), (3600, "1 h 0 min"), (90_061, "1 d 1 h")]
        {
            assert_eq!(words(Duration::from_secs(secs)), text);
        }
        assert_eq!(words(Duration::from_millis(1)), "1 s");
    }
}
