//! Durations as people write them.

use std::time::Duration;

const UNITS: [(char, u64); 5] = [('w', 604_800), ('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

/// Parses `90s`, `5m`, `1h30m`, `12h`, `30d`, `2w`, or plain seconds.
pub fn parse_duration(text: &str) -> Option<Duration> {
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let mut total = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, tail) = rest.split_at(end);
        let mut tail = tail.chars();
        let unit = tail.next()?;
        let (_, seconds) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.parse::<u64>().ok()?.checked_mul(*seconds)?)?;
        rest = tail.as_str();
    }
    (!text.is_empty()).then(|| Duration::from_secs(total))
}

/// The shortest exact spelling with one unit: `90s`, `5m`, `30d`.
pub fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (unit, size) = UNITS
        .iter()
        .skip(1)
        .find(|(_, size)| seconds != 0 && seconds.is_multiple_of(*size))
        .copied()
        .unwrap_or(('s', 1));
    format!("{}{unit}", seconds / size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_written() {
        for (text, seconds) in [
            ("90s", 90),
            ("5m", 300),
            ("1h30m", 5400),
            ("30d", 2_592_000),
            ("2w", 1_209_600),
            ("7", 7),
            ("0s", 0),
        ] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(seconds)), "{text}");
        }
        for bad in ["", "m", "5 m", "-5m", "5x", "1.5h", "99999999999999999999s", "999999999999999999w"] {
            assert_eq!(parse_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn durations_show_in_the_largest_exact_unit() {
        for text in ["90s", "5m", "1h", "30d", "0s"] {
            assert_eq!(show_duration(parse_duration(text).unwrap()), text);
        }
    }
}
