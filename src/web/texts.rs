//! The texts of the pages in every language: [Fluent](https://projectfluent.org) catalogues, embedded.

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentError, FluentResource};
use std::fmt;

use crate::model::language::Language;

/// The catalogue of a language.
pub const fn source(language: Language) -> &'static str {
    match language {
        Language::Arabic => include_str!("../../templates/texts/ar.ftl"),
        Language::German => include_str!("../../templates/texts/de.ftl"),
        Language::English => include_str!("../../templates/texts/en.ftl"),
        Language::Spanish => include_str!("../../templates/texts/es.ftl"),
        Language::French => include_str!("../../templates/texts/fr.ftl"),
        Language::Hebrew => include_str!("../../templates/texts/he.ftl"),
        Language::Indonesian => include_str!("../../templates/texts/id.ftl"),
        Language::Italian => include_str!("../../templates/texts/it.ftl"),
        Language::Japanese => include_str!("../../templates/texts/ja.ftl"),
        Language::Korean => include_str!("../../templates/texts/ko.ftl"),
        Language::Portuguese => include_str!("../../templates/texts/pt-BR.ftl"),
        Language::SimplifiedChinese => include_str!("../../templates/texts/zh-CN.ftl"),
        Language::TraditionalChinese => include_str!("../../templates/texts/zh-TW.ftl"),
    }
}

/// The catalogues, parsed.
pub struct Texts {
    bundles: Vec<(Language, FluentBundle<FluentResource>)>,
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.bundles.iter().map(|(language, _)| language)).finish()
    }
}

impl Texts {
    /// Parses the embedded catalogues. What a catalogue says wrongly is left out of it, which the tests
    /// notice.
    pub fn embedded() -> Self {
        Self { bundles: Language::ALL.map(|language| (language, bundle(language))).into() }
    }

    /// The message `id` in `language`, with the placeholders of `args` filled in; `None` for an unknown
    /// message or a missing value.
    pub fn say(&self, language: Language, id: &str, args: &[(&str, &str)]) -> Option<String> {
        let (_, bundle) = self.bundles.iter().find(|(have, _)| *have == language)?;
        let pattern = bundle.get_message(id)?.value()?;
        let values: FluentArgs<'_> = args.iter().map(|(name, value)| (*name, *value)).collect();
        let mut errors: Vec<FluentError> = Vec::new();
        let text = bundle.format_pattern(pattern, Some(&values), &mut errors).into_owned();
        errors.is_empty().then_some(text)
    }
}

fn bundle(language: Language) -> FluentBundle<FluentResource> {
    let tag = language.tag().parse().unwrap_or_default();
    let mut bundle = FluentBundle::new_concurrent(vec![tag]);
    // A Latin name in an Arabic sentence is kept together by marks that nobody sees.
    bundle.set_use_isolating(language.direction() == "rtl");
    let resource =
        FluentResource::try_new(source(language).to_owned()).unwrap_or_else(|(resource, _)| resource);
    bundle.add_resource_overriding(resource);
    bundle
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use fluent_syntax::ast::{Entry, Expression, InlineExpression, PatternElement};

    use super::*;

    /// Messages of a catalogue with their placeholders.
    fn messages(language: Language) -> BTreeMap<String, Vec<String>> {
        let parsed = fluent_syntax::parser::parse(source(language))
            .unwrap_or_else(|(_, errors)| panic!("{language:?}: {errors:?}"));
        let mut found = BTreeMap::new();
        for entry in parsed.body {
            let message = match entry {
                Entry::Message(message) => message,
                Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => continue,
                other => panic!("{language:?}: {other:?}"),
            };
            assert!(message.attributes.is_empty(), "{language:?}: {}", message.id.name);
            let elements = message.value.map(|pattern| pattern.elements).unwrap_or_default();
            let mut names: Vec<String> = elements.iter().filter_map(placeholder).collect();
            names.sort();
            let before = found.insert(message.id.name.to_owned(), names);
            assert!(before.is_none(), "{language:?} says {} twice", message.id.name);
        }
        found
    }

    fn placeholder(element: &PatternElement<&str>) -> Option<String> {
        match element {
            PatternElement::TextElement { .. } => None,
            PatternElement::Placeable {
                expression: Expression::Inline(InlineExpression::VariableReference { id }),
            } => Some(id.name.to_owned()),
            PatternElement::Placeable { .. } => panic!("more than a variable: {element:?}"),
        }
    }

    #[test]
    fn no_catalogue_lacks_a_message_or_has_one_too_many_or_other_placeholders() {
        let english = messages(Language::English);
        assert!(english.len() > 40);
        for language in Language::ALL {
            assert_eq!(messages(language), english, "{language:?}");
        }
    }

    #[test]
    fn every_message_can_be_said_in_every_language() {
        let texts = Texts::embedded();
        for language in Language::ALL {
            for (id, names) in messages(language) {
                let args: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "Ada & Co")).collect();
                let text = texts.say(language, &id, &args).unwrap_or_else(|| panic!("{language:?}: {id}"));
                assert!(
                    !text.is_empty() && names.is_empty() != text.contains("Ada & Co"),
                    "{language:?}: {id}: {text}"
                );
            }
        }
        assert_eq!(texts.say(Language::English, "continue-with", &[]), None);
        assert_eq!(texts.say(Language::English, "no-such-message", &[]), None);
    }

    /// Texts that nobody says are not translated thirteen times; texts that a page says exist.
    #[test]
    fn the_pages_say_every_message_and_no_other() {
        let pages = [
            include_str!("../../templates/base.html"),
            include_str!("../../templates/pages/sign_in.html"),
            include_str!("../../templates/pages/error.html"),
            include_str!("../../templates/pages/sign_out.html"),
            include_str!("../../templates/pages/signed_out.html"),
            include_str!("../../templates/pages/departure.html"),
        ]
        .concat();
        let mut said: Vec<String> = pages
            .split("t(\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .map(str::to_owned)
            .collect();
        for (heading, text) in crate::web::error::VISITOR_TEXTS {
            said.extend([heading.to_owned(), text.to_owned()]);
        }
        said.sort();
        said.dedup();
        assert_eq!(said, messages(Language::English).into_keys().collect::<Vec<_>>());
    }
}
