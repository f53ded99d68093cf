//! The languages of the hosted pages, and the choice among them.

use serde::{Deserialize, Serialize};

/// A language in which every page can be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Language {
    /// Arabic.
    Arabic,
    /// German.
    German,
    /// English.
    #[default]
    English,
    /// Spanish.
    Spanish,
    /// French.
    French,
    /// Hebrew.
    Hebrew,
    /// Indonesian.
    Indonesian,
    /// Italian.
    Italian,
    /// Japanese.
    Japanese,
    /// Korean.
    Korean,
    /// Brazilian Portuguese.
    Portuguese,
    /// Chinese in simplified characters.
    SimplifiedChinese,
    /// Chinese in traditional characters.
    TraditionalChinese,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 13] = [
        Self::Arabic,
        Self::German,
        Self::English,
        Self::Spanish,
        Self::French,
        Self::Hebrew,
        Self::Indonesian,
        Self::Italian,
        Self::Japanese,
        Self::Korean,
        Self::Portuguese,
        Self::SimplifiedChinese,
        Self::TraditionalChinese,
    ];

    /// The language's tag ([BCP 47](https://www.rfc-editor.org/rfc/rfc5646)), as in `<html lang>`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Arabic => "ar",
            Self::German => "de",
            Self::English => "en",
            Self::Spanish => "es",
            Self::French => "fr",
            Self::Hebrew => "he",
            Self::Indonesian => "id",
            Self::Italian => "it",
            Self::Japanese => "ja",
            Self::Korean => "ko",
            Self::Portuguese => "pt-BR",
            Self::SimplifiedChinese => "zh-CN",
            Self::TraditionalChinese => "zh-TW",
        }
    }

    /// The direction of its script, as in `<html dir>`.
    pub const fn direction(self) -> &'static str {
        match self {
            Self::Arabic | Self::Hebrew => "rtl",
            _ => "ltr",
        }
    }

    /// The language with exactly this tag, in any case.
    pub fn parse(tag: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(tag))
    }

    /// The nearest language to a tag: the same, or one that its readers read.
    pub fn near(tag: &str) -> Option<Self> {
        if let Some(exact) = Self::parse(tag) {
            return Some(exact);
        }
        let mut parts = tag.split('-');
        let primary = parts.next()?.to_ascii_lowercase();
        match primary.as_str() {
            "zh" => {
                let traditional = parts.any(|part| {
                    ["hant", "tw", "hk", "mo"].iter().any(|known| part.eq_ignore_ascii_case(known))
                });
                Some(if traditional { Self::TraditionalChinese } else { Self::SimplifiedChinese })
            }
            "pt" => Some(Self::Portuguese),
            "iw" => Some(Self::Hebrew),
            "in" => Some(Self::Indonesian),
            primary => Self::parse(primary),
        }
    }

    /// The first that can be had of `ui_locales`: tags separated by spaces, best first
    /// ([OpenID Connect Core section
    /// 3.1.2.1](https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest)).
    pub fn of_ui_locales(locales: &str) -> Option<Self> {
        locales.split(' ').take(MOST_TAGS).find_map(Self::near)
    }

    /// The one that a browser's `Accept-Language` likes best of those that can be had
    /// ([RFC 9110 section 12.5.4](https://www.rfc-editor.org/rfc/rfc9110#section-12.5.4)).
    pub fn of_accept_language(header: &str) -> Option<Self> {
        let mut best: Option<(Self, f32)> = None;
        for range in header.split(',').take(MOST_TAGS) {
            let mut parts = range.split(';').map(str::trim);
            let tag = parts.next().unwrap_or_default();
            let quality = parts
                .find_map(|part| part.strip_prefix("q="))
                .map_or(Some(1.0), |text| text.parse::<f32>().ok());
            let Some(quality) = quality.filter(|quality| *quality > 0.0 && *quality <= 1.0) else { continue };
            if let Some(language) = Self::near(tag)
                && best.is_none_or(|(_, so_far)| quality > so_far)
            {
                best = Some((language, quality));
            }
        }
        best.map(|(language, _)| language)
    }
}

/// More than anybody reads.
const MOST_TAGS: usize = 32;

impl From<Language> for String {
    fn from(language: Language) -> Self {
        language.tag().to_owned()
    }
}

impl TryFrom<String> for Language {
    type Error = &'static str;

    fn try_from(tag: String) -> Result<Self, Self::Error> {
        Self::parse(&tag).ok_or("no language of the pages")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_gets_what_it_likes_best_of_what_there_is() {
        for (header, expected) in [
            ("de", Some("de")),
            ("de-AT, en;q=0.8", Some("de")),
            ("nl, en;q=0.3, fr;q=0.7", Some("fr")),
            ("zh-Hant-HK", Some("zh-TW")),
            ("zh", Some("zh-CN")),
            ("pt-PT, pt;q=0.9", Some("pt-BR")),
            ("iw-IL", Some("he")),
            ("de;q=0, it", Some("it")),
            ("nl, *", None),
            ("", None),
            ("de;q=nonsense, es;q=0.1", Some("es")),
            ("de;q=9, ko;q=0.1", Some("ko")),
        ] {
            assert_eq!(Language::of_accept_language(header).map(Language::tag), expected, "{header}");
        }
    }

    #[test]
    fn an_app_says_which_languages_its_person_reads_best_first() {
        assert_eq!(Language::of_ui_locales("nl-NL ja en"), Some(Language::Japanese));
        assert_eq!(Language::of_ui_locales("nl xx-YY"), None);
    }
}
