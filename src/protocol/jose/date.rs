//! Instants in claims.

use serde_json::Value;

/// 9999-12-31T23:59:59Z.
const LAST: f64 = 253_402_300_799.0;

/// A NumericDate ([RFC 7519 section 2](https://www.rfc-editor.org/rfc/rfc7519#section-2)) in whole seconds: a
/// number from 1970 to 9999; parts of seconds are dropped. `None` for everything else.
pub fn numeric_date(value: &Value) -> Option<i64> {
    let seconds = value.as_f64().filter(|seconds| (0.0..=LAST).contains(seconds))?;
    #[expect(clippy::cast_possible_truncation, reason = "the range was just checked")]
    Some(seconds as i64)
}
