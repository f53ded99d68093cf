//! Routing by e-mail domain: from an address to the providers that people with such an address sign in at.
//! Only its domain counts: nothing here, and so nothing that follows, depends on whether the address exists.

use url::Host;

/// Longest accepted address ([RFC 5321 section
/// 4.5.3.1](https://www.rfc-editor.org/rfc/rfc5321#section-4.5.3.1)).
pub const MAX_ADDRESS: usize = 254;

/// The domain of an e-mail address in its ASCII form; `None` for what is no address.
pub fn domain(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let plain = |c: char| !c.is_whitespace() && !c.is_control();
    if address.len() > MAX_ADDRESS || local.is_empty() || local.contains('@') || !address.chars().all(plain) {
        return None;
    }
    match Host::parse(domain) {
        Ok(Host::Domain(name)) if name.contains('.') && !name.starts_with('.') && !name.ends_with('.') => {
            Some(name)
        }
        _ => None,
    }
}

/// Whether `rule` of a provider's `domains` covers `domain`: `acme.example` that domain, `*.acme.example`
/// every one below it.
pub fn covers(rule: &str, domain: &str) -> bool {
    let below = |above: String, domain: String| {
        domain
            .strip_suffix(&above)
            .and_then(|below| below.strip_suffix('.'))
            .is_some_and(|below| !below.is_empty())
    };
    match (rule.strip_prefix("*."), ascii(domain)) {
        (Some(above), Some(domain)) => ascii(above).is_some_and(|above| below(above, domain)),
        (None, Some(domain)) => ascii(rule).is_some_and(|rule| rule == domain),
        (_, None) => false,
    }
}

/// The rules that would cover `domain`, an ASCII one, the closest first: the domain itself goes before one
/// that it lies below, and a near one before a far one.
pub fn rules(domain: &str) -> impl Iterator<Item = String> {
    let above = domain
        .match_indices('.')
        .filter_map(|(dot, _)| domain.get(dot + 1..))
        .map(|above| format!("*.{above}"));
    std::iter::once(domain.to_owned()).chain(above)
}

fn ascii(domain: &str) -> Option<String> {
    Host::parse(domain).ok().map(|host| host.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_a_domain_or_is_none() {
        assert_eq!(domain("ada@Acme.example").as_deref(), Some("acme.example"));
        assert_eq!(domain("ada+x@bücher.example").as_deref(), Some("xn--bcher-kva.example"));
        for text in [
            "",
            "ada",
            "@acme.example",
            "ada@",
            "ada@acme",
            "a b@acme.example",
            "a@b@acme.example",
            "ada@[::1]",
            "ada@127.0.0.1",
        ] {
            assert_eq!(domain(text), None, "{text}");
        }
        assert_eq!(domain(&format!("{}@acme.example", "a".repeat(250))), None);
    }

    #[test]
    fn a_rule_covers_its_domain_or_what_lies_below_it() {
        assert!(covers("acme.example", "ACME.example"));
        assert!(!covers("acme.example", "eu.acme.example"));
        assert!(covers("*.acme.example", "eu.acme.example") && covers("*.acme.example", "a.b.acme.example"));
        assert!(!covers("*.acme.example", "acme.example") && !covers("*.acme.example", "evilacme.example"));
        assert!(!covers("*.acme.example", ".acme.example"));
    }

    #[test]
    fn the_rules_for_a_domain_are_those_that_cover_it() {
        let found: Vec<String> = rules("a.eu.acme.example").collect();
        assert_eq!(found, ["a.eu.acme.example", "*.eu.acme.example", "*.acme.example", "*.example"]);
        assert!(found.iter().all(|rule| covers(rule, "a.eu.acme.example")));
    }
}
