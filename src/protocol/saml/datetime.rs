//! xs:dateTime as SAML uses it ([SAML Core section
//! 1.3.3](https://docs.oasis-open.org/security/saml/v2.0/saml-core-2.0-os.pdf)).

use crate::model::time::Timestamp;

/// Longest text that is looked at.
const LONGEST: usize = 64;

/// Reads an instant. The zone must be given, as `Z` or as an offset up to 14:00; fractions are cut to
/// milliseconds; a leap second is the first second of the next minute; the years are 1970 to 9999. `None` for
/// everything else, `24:00:00` and surrounding space included.
pub fn parse(text: &str) -> Option<Timestamp> {
    let text = Some(text).filter(|text| text.len() <= LONGEST && text.is_ascii())?;
    let (date, time) = text.split_once('T')?;
    let days = parse_date(date)?;
    let zone_at = time.find(['Z', '+', '-'])?;
    let (clock, zone) = time.split_at_checked(zone_at)?;
    let (whole, millis) = match clock.split_once('.') {
        Some((whole, fraction)) => (whole, parse_fraction(fraction)?),
        None => (clock, 0),
    };
    let seconds = parse_clock(whole)?;
    let at = days.checked_mul(86_400)?.checked_add(seconds)?.checked_sub(parse_zone(zone)?)?;
    (0..=LAST_SECOND).contains(&at).then(|| Timestamp::from_millis(at * 1000 + millis))
}

/// 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

/// Days since 1970-01-01.
fn parse_date(text: &str) -> Option<i64> {
    let mut parts = text.split('-');
    let (year, month, day) =
        (digits(parts.next()?, 4)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let known = parts.next().is_none() && year >= 1969 && (1..=12).contains(&month);
    (known && (1..=days_in(year, month)).contains(&day)).then(|| days_since_epoch(year, month, day))
}

/// Seconds since midnight.
fn parse_clock(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let (hour, minute, second) =
        (digits(parts.next()?, 2)?, digits(parts.next()?, 2)?, digits(parts.next()?, 2)?);
    let leap = minute == 59 && second == 60;
    (parts.next().is_none() && hour <= 23 && minute <= 59 && (second <= 59 || leap))
        .then_some(hour * 3600 + minute * 60 + second)
}

fn parse_fraction(text: &str) -> Option<i64> {
    let digit = |at: usize| text.as_bytes().get(at).map_or(0, |byte| i64::from(byte - b'0'));
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digit(0) * 100 + digit(1) * 10 + digit(2))
}

/// Seconds east of Greenwich.
fn parse_zone(text: &str) -> Option<i64> {
    let (sign, offset) = match text.split_at_checked(1)? {
        ("Z", "") => return Some(0),
        ("+", offset) => (1, offset),
        ("-", offset) => (-1, offset),
        _ => return None,
    };
    let (hours, minutes) = offset.split_once(':')?;
    let (hours, minutes) = (digits(hours, 2)?, digits(minutes, 2)?);
    (minutes <= 59 && hours * 60 + minutes <= 14 * 60).then_some(sign * (hours * 3600 + minutes * 60))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    (text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| text.parse().ok())
        .flatten()
}

fn days_in(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Counts in years that begin in March, so that the leap day is the last; 400 of them have 146097 days.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400) + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn millis(text: &str) -> Option<i64> {
        parse(text).map(Timestamp::millis)
    }

    #[test]
    fn instants_are_read_with_their_zone() {
        for (text, expected) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2017-09-21T23:27:06.828Z", 1_506_036_426_828),
            ("2017-09-21T23:27:06.8289999Z", 1_506_036_426_828),
            ("2017-09-21T23:27:06.8Z", 1_506_036_426_800),
            ("2017-09-22T01:27:06+02:00", 1_506_036_426_000),
            ("2017-09-21T17:57:06-05:30", 1_506_036_426_000),
            ("2017-09-21T23:27:06-00:00", 1_506_036_426_000),
            ("1970-01-01T14:00:00+14:00", 0),
            ("1969-12-31T23:00:00-01:00", 0),
            ("2016-12-31T23:59:60Z", 1_483_228_800_000),
            ("2024-02-29T00:00:00Z", 1_709_164_800_000),
            ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ] {
            assert_eq!(millis(text), Some(expected), "{text}");
        }
    }

    /// C-48
    #[test]
    fn what_is_no_instant_is_refused() {
        for text in [
            "",
            "2017-09-21T23:27:06",
            "2017-09-21 23:27:06Z",
            "2017-09-21t23:27:06Z",
            "2017-09-21T23:27:06z",
            " 2017-09-21T23:27:06Z",
            "2017-09-21T23:27:06Z ",
            "2017-09-21T23:27:06Z\n",
            "2017-09-21T23:27Z",
            "2017-09-21T23:27:06.Z",
            "2017-09-21T23:27:06.8+Z",
            "2017-09-21T23:27:06,8Z",
            "2017-09-21T23:27:06.-8Z",
            "2017-09-21T24:00:00Z",
            "2017-09-21T23:60:00Z",
            "2017-09-21T23:27:60Z",
            "2017-09-21T23:27:61Z",
            "2017-09-21T23:59:61Z",
            "2017-02-29T00:00:00Z",
            "2017-13-01T00:00:00Z",
            "2017-00-01T00:00:00Z",
            "2017-09-31T00:00:00Z",
            "2017-09-00T00:00:00Z",
            "17-09-21T23:27:06Z",
            "+2017-09-21T23:27:06Z",
            "-2017-09-21T23:27:06Z",
            "12017-09-21T23:27:06Z",
            "10000-01-01T00:00:00Z",
            "9999-12-31T23:59:60Z",
            "9999-12-31T23:59:59-00:01",
            "1969-12-31T23:59:59Z",
            "0001-01-01T00:00:00Z",
            "2017-09-21T23:27:06+0200",
            "2017-09-21T23:27:06+02",
            "2017-09-21T23:27:06+2:00",
            "2017-09-21T23:27:06+14:01",
            "2017-09-21T23:27:06+02:60",
            "2017-09-21T23:27:06+02:00Z",
            "2017-09-21T23:27:06ZZ",
            "２017-09-21T23:27:06Z",
            "1506036426",
            "2017-09-21T23:27:06.1111111111111111111111111111111111111111111111111Z",
        ] {
            assert_eq!(millis(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_day_is_written_as_it_is_read() {
        for day in (0..2_932_896).step_by(97) {
            let at = Timestamp::from_secs(day * 86_400 + 86_399);
            assert_eq!(parse(&at.utc()), Some(at), "{}", at.utc());
        }
        assert_eq!(Timestamp::from_millis(1_506_036_426_828).utc(), "2017-09-21T23:27:06Z");
    }
}
