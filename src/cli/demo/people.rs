//! The made-up people of the demo.

use serde_json::{Map, Value, json};

/// Someone who can sign in at a demo provider.
pub(super) struct Person {
    /// The provider's subject.
    pub(super) subject: &'static str,
    pub(super) given_name: &'static str,
    pub(super) family_name: &'static str,
    pub(super) email: &'static str,
    /// What the page says about them.
    pub(super) about: &'static str,
    /// Google Workspace domain.
    pub(super) hosted_domain: Option<&'static str>,
}

/// Accounts at the provider that behaves like Google.
pub(super) const AT_GOOGLE: [Person; 2] = [
    Person {
        subject: "104728301945577210031",
        given_name: "Ada",
        family_name: "Okafor",
        email: "ada@acme.example",
        about: "a Workspace account of acme.example",
        hosted_domain: Some("acme.example"),
    },
    Person {
        subject: "117002648359120048876",
        given_name: "Tomás",
        family_name: "Lind",
        email: "tomas.lind@mail.example",
        about: "a personal account",
        hosted_domain: None,
    },
];

/// Accounts at the provider that behaves like Apple.
pub(super) const AT_APPLE: [Person; 2] = [
    Person {
        subject: "001482.5f0c41d2a8b94c7e9d63.0917",
        given_name: "Mei",
        family_name: "Tanaka",
        email: "q8f2mzk4tr@privaterelay.appleid.com",
        about: "hides her address behind a relay",
        hosted_domain: None,
    },
    Person {
        subject: "001733.b7e0925cc14f4fd8a1e2.1130",
        given_name: "Jonas",
        family_name: "Weber",
        email: "jonas.weber@mail.example",
        about: "shares his address",
        hosted_domain: None,
    },
];

impl Person {
    /// Given and family name.
    pub(super) fn name(&self) -> String {
        format!("{} {}", self.given_name, self.family_name)
    }

    /// Claims as Google sends them.
    pub(super) fn google_claims(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        for (name, value) in [
            ("sub", json!(self.subject)),
            ("email", json!(self.email)),
            ("email_verified", json!(true)),
            ("name", json!(self.name())),
            ("given_name", json!(self.given_name)),
            ("family_name", json!(self.family_name)),
        ] {
            claims.insert(name.to_owned(), value);
        }
        claims.extend(self.hosted_domain.map(|domain| ("hd".to_owned(), json!(domain))));
        claims
    }

    /// Claims as Apple sends them: no name, and truth as text.
    pub(super) fn apple_claims(&self) -> Map<String, Value> {
        let mut claims = Map::new();
        claims.insert("sub".to_owned(), json!(self.subject));
        claims.insert("email".to_owned(), json!(self.email));
        claims.insert("email_verified".to_owned(), json!("true"));
        if self.email.ends_with("@privaterelay.appleid.com") {
            claims.insert("is_private_email".to_owned(), json!("true"));
        }
        claims.insert("nonce_supported".to_owned(), json!(true));
        claims
    }

    /// The `user` field that Apple sends beside the first code, unsigned.
    pub(super) fn apple_user(&self) -> String {
        json!({"name": {"firstName": self.given_name, "lastName": self.family_name}, "email": self.email})
            .to_string()
    }
}
