//! The people who sign in at the provider.

use serde_json::{Map, Value, json};

use super::Vendor;

/// Who signs in next.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) subject: String,
    /// Claims of ID token and userinfo alike.
    pub(crate) claims: Map<String, Value>,
    /// Members of userinfo or the profile call alone.
    pub(crate) profile: Map<String, Value>,
    /// Apple's `user` form field.
    pub(crate) form_user: Option<Value>,
    /// GitHub's `/user/emails`.
    pub(crate) emails: Value,
    /// GitHub's `/user/orgs`.
    pub(crate) organisations: Value,
}

impl Person {
    /// Someone with a name and a verified address.
    pub(crate) fn new(subject: &str, name: &str, email: &str) -> Self {
        Self {
            subject: subject.to_owned(),
            claims: object(json!({"name": name, "email": email, "email_verified": true})),
            profile: Map::new(),
            form_user: None,
            emails: json!([
                {"email": "old@example.org", "primary": false, "verified": true, "visibility": null},
                {"email": email, "primary": true, "verified": true, "visibility": "private"},
            ]),
            organisations: json!([{"login": "acme", "id": 7}]),
        }
    }

    /// The same person with one more claim, or another value of it.
    #[must_use]
    pub(crate) fn with(mut self, claim: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(claim.to_owned(), value.into());
        self
    }

    /// The same person without a claim.
    #[must_use]
    pub(crate) fn without(mut self, claim: &str) -> Self {
        self.claims.remove(claim);
        self
    }
}

/// Who signs in at a provider with these ways, unless someone else does.
pub(super) fn first_person(vendor: Vendor) -> Person {
    match vendor {
        Vendor::Oidc => Person::new("person-1", "Ada Example", "ada@example.org")
            .with("given_name", "Ada")
            .with("family_name", "Example"),
        Vendor::Google => {
            Person::new("110169484474386276334", "Ada Example", "ada@acme.example").with("hd", "acme.example")
        }
        Vendor::Microsoft => Person::new("pairwise-1", "Ada Example", "ada@acme.example")
            .without("email_verified")
            .with("tid", "11111111-2222-4333-8444-555555555555")
            .with("oid", "66666666-7777-4888-9999-000000000000")
            .with("preferred_username", "ada@acme.example")
            .with("ver", "2.0"),
        Vendor::Apple => {
            let mut person = Person::new("001999.abcdef.0042", "", "x7k2@privaterelay.appleid.com")
                .without("name")
                .with("email_verified", "true")
                .with("is_private_email", "true");
            person.form_user = Some(
                json!({"name": {"firstName": "Ada", "lastName": "Example"}, "email": "forged@example.org"}),
            );
            person
        }
        Vendor::Facebook | Vendor::Amazon => {
            Person::new("10158000000000001", "Ada Example", "ada@example.org").without("email_verified")
        }
        Vendor::GitHub => {
            let mut person =
                Person::new("583231", "Ada Example", "ada@example.org").without("email_verified");
            person.claims.insert("login".to_owned(), json!("ada"));
            person.claims.insert("email".to_owned(), Value::Null);
            person
        }
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is no object"),
    }
}
