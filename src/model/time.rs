//! Instants as values; the only clock is [`crate::outside`].

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Milliseconds since 1970-01-01T00:00:00Z. Arithmetic saturates instead of overflowing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From milliseconds since the epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// From seconds since the epoch.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(1000))
    }

    /// Milliseconds since the epoch.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, rounded down: a JWT NumericDate.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(1000)
    }

    /// This instant, `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis_of(duration)))
    }

    /// This instant, `duration` earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis_of(duration)))
    }

    /// The instant in UTC, to the second, as every reader takes it: `2027-01-15T08:00:00Z` ([RFC
    /// 3339](https://www.rfc-editor.org/rfc/rfc3339)). What lies outside the years 0 to 9999 shows as their
    /// first or last second.
    pub fn utc(self) -> String {
        let at = self.secs().clamp(FIRST_SECOND, LAST_SECOND);
        let (days, second) = (at.div_euclid(86_400), at.rem_euclid(86_400));
        let (year, month, day) = civil(days);
        let mut out = String::with_capacity("9999-12-31T23:59:59Z".len());
        for (number, after) in [(year / 100, ""), (year % 100, "-"), (month, "-"), (day, "T")] {
            two_digits(number, after, &mut out);
        }
        for (number, after) in [(second / 3600, ":"), (second / 60 % 60, ":"), (second % 60, "Z")] {
            two_digits(number, after, &mut out);
        }
        out
    }

    /// Time passed since `earlier`; zero when `earlier` lies in the future.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

/// 0000-01-01T00:00:00Z.
const FIRST_SECOND: i64 = -62_167_219_200;
/// 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

/// The formatting machinery would cost more than a signature's digest: every check of a response shows two
/// instants.
fn two_digits(number: i64, after: &str, out: &mut String) {
    let digit = |digit: i64| char::from(b'0' + u8::try_from(digit.rem_euclid(10)).unwrap_or_default());
    out.push(digit(number / 10));
    out.push(digit(number));
    out.push_str(after);
}

/// Year, month and day of the Gregorian calendar, from days since 1970-01-01: eras of 400 years that begin on
/// the first of March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (since_march, day) = (month, day - (153 * month + 2) / 5 + 1);
    let month = if since_march < 10 { since_march + 3 } else { since_march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn millis_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_round_down_on_both_sides_of_the_epoch() {
        assert_eq!(Timestamp::from_millis(1999).secs(), 1);
        assert_eq!(Timestamp::from_millis(-1).secs(), -1);
    }

    #[test]
    fn an_instant_reads_as_a_date() {
        let dates = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_800_000_000, "2027-01-15T08:00:00Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (253_402_300_800, "9999-12-31T23:59:59Z"),
            (i64::MIN / 1000, "0000-01-01T00:00:00Z"),
        ];
        for (seconds, date) in dates {
            assert_eq!(Timestamp::from_secs(seconds).utc(), date);
        }
    }

    #[test]
    fn arithmetic_saturates() {
        let end = Timestamp::from_millis(i64::MAX);
        assert_eq!(end.plus(Duration::from_secs(1)), end);
        assert_eq!(end.since(end.plus(Duration::from_secs(9))), Duration::ZERO);
    }
}
