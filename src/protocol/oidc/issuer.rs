//! Which `iss` values stand for one provider.

/// The literal in a multi-tenant issuer that each token replaces by its tenant.
pub const TENANT: &str = "{tenantid}";

/// The rule for `iss`; everything is compared character by character.
#[derive(Debug, Clone, Copy)]
pub struct Issuer<'a> {
    /// The issuer; it holds [`TENANT`] for a multi-tenant provider.
    pub value: &'a str,
    /// Other spellings that the provider uses for itself.
    pub aliases: &'a [String],
}

impl Issuer<'_> {
    /// Whether the issuer is a template.
    pub fn is_multi_tenant(&self) -> bool {
        self.value.contains(TENANT)
    }

    /// Whether `iss` is this provider, in the issuer's canonical spelling: the value itself for an alias. For
    /// a multi-tenant issuer `tenant` must be the tenant that the same, verified document names.
    pub fn canonical(&self, iss: &str, tenant: Option<&str>) -> Option<String> {
        if self.is_multi_tenant() {
            let expected = self.value.replace(TENANT, tenant.filter(|tenant| is_tenant(tenant))?);
            return (iss == expected).then_some(expected);
        }
        (iss == self.value || self.aliases.iter().any(|alias| alias == iss)).then(|| self.value.to_owned())
    }

    /// Whether `iss` could be this provider before any tenant is known: a template accepts every well-formed
    /// tenant.
    pub fn admits(&self, iss: &str) -> bool {
        self.admitted(iss).is_some()
    }

    /// [`Issuer::canonical`] where nothing but `iss` names the tenant.
    pub fn admitted(&self, iss: &str) -> Option<String> {
        match self.value.split_once(TENANT) {
            None => self.canonical(iss, None),
            Some((before, after)) => {
                let tenant = iss.strip_prefix(before)?.strip_suffix(after)?;
                is_tenant(tenant).then(|| iss.to_owned())
            }
        }
    }
}

/// A tenant as it stands in issuers: a UUID, so that nothing else of a URL can hide in it.
fn is_tenant(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok_and(|id| id.hyphenated().to_string() == text.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACME: &str = "9122040d-6c67-4c5b-b112-36a304b66dad";
    const TEMPLATE: Issuer<'static> = Issuer { value: "https://login.example/{tenantid}/v2.0", aliases: &[] };

    /// B-07
    #[test]
    fn an_issuer_is_compared_character_by_character() {
        let issuer = Issuer { value: "https://idp.example", aliases: &[] };
        assert_eq!(issuer.canonical("https://idp.example", None).as_deref(), Some("https://idp.example"));
        for other in [
            "https://idp.example/",
            "http://idp.example",
            "https://IDP.example",
            "https://idp.example.evil",
            "",
            "idp.example",
        ] {
            assert_eq!(issuer.canonical(other, None), None, "{other}");
            assert!(!issuer.admits(other), "{other}");
        }
    }

    #[test]
    fn an_alias_stands_for_the_issuer_itself() {
        let aliases = ["idp.example".to_owned()];
        let issuer = Issuer { value: "https://idp.example", aliases: &aliases };
        assert_eq!(issuer.canonical("idp.example", None).as_deref(), Some("https://idp.example"));
    }

    /// B-08
    #[test]
    fn the_tenant_of_a_token_must_be_the_one_in_its_issuer() {
        let own = format!("https://login.example/{ACME}/v2.0");
        assert_eq!(TEMPLATE.canonical(&own, Some(ACME)).as_deref(), Some(own.as_str()));
        assert_eq!(TEMPLATE.canonical(&own, Some("11111111-6c67-4c5b-b112-36a304b66dad")), None);
        assert_eq!(TEMPLATE.canonical(&own, None), None);
        for tenant in ["common", "organizations", "consumers", "{tenantid}", "", "a/b", "x@evil.example"] {
            assert_eq!(
                TEMPLATE.canonical(&format!("https://login.example/{tenant}/v2.0"), Some(tenant)),
                None,
                "{tenant}"
            );
        }
        assert!(TEMPLATE.admits(&own));
        assert!(!TEMPLATE.admits("https://login.example/common/v2.0"));
        assert!(!TEMPLATE.admits("https://login.example/v2.0"));
    }
}
