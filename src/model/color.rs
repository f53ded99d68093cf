//! Colours of pages, and whether text in them can be read.

use std::fmt;

/// An opaque sRGB colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub [u8; 3]);

impl Color {
    /// `#rrggbb`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text
            .strip_prefix('#')
            .filter(|digits| digits.len() == 6 && digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
        let [_, r, g, b] = u32::from_str_radix(digits, 16).ok()?.to_be_bytes();
        Some(Self([r, g, b]))
    }

    /// The contrast ratio with another colour, 1 to 21 ([WCAG
    /// 2.2](https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)).
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// Black or white, whichever can be read better on this colour: never below 4.5.
    #[must_use]
    pub fn ink(self) -> Self {
        let (black, white) = (Self([0; 3]), Self([255; 3]));
        if self.contrast(white) >= 4.5 || self.contrast(white) > self.contrast(black) { white } else { black }
    }

    fn luminance(self) -> f64 {
        let [r, g, b] = self.0.map(|channel| {
            let part = f64::from(channel) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * r + 0.7152 * g + 0.0722 * b
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [r, g, b] = self.0;
        write!(f, "#{r:02x}{g:02x}{b:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn color(text: &str) -> Color {
        Color::parse(text).unwrap()
    }

    #[test]
    fn contrast_is_that_of_the_guidelines() {
        assert!((color("#000000").contrast(color("#ffffff")) - 21.0).abs() < 1e-9);
        assert!((color("#777777").contrast(color("#FFFFFF")) - 4.478).abs() < 1e-3);
        assert_eq!(color("#1F4fd8").to_string(), "#1f4fd8");
        for text in ["", "#fff", "red", "#12345g", "1f4fd8", "#1f4fd8 ", "#+12345"] {
            assert_eq!(Color::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ink_can_be_read_on_any_colour() {
        for r in (0..=255).step_by(15) {
            for g in (0..=255).step_by(15) {
                for b in (0..=255).step_by(15) {
                    let ground = Color([r, g, b]);
                    assert!(ground.contrast(ground.ink()) >= 4.5, "{ground}");
                }
            }
        }
    }
}
