//! Claims to attributes, by rules that were checked when the configuration was read.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use super::expression::{Expression, Input};
use crate::model::attributes::{AttributeName, Attributes, MAX_VALUE};
use crate::model::identity::{Claims, ExternalIdentity};

/// Attributes that only the broker decides: whether an address or number is verified never comes from a claim
/// as such.
pub const DECIDED_HERE: [&str; 2] = ["email_verified", "phone_number_verified"];

/// Attributes that an unsigned claim may fill: a person's names.
pub const UNSIGNED: [&str; 5] = ["given_name", "family_name", "middle_name", "name", "nickname"];

/// Most bytes of all attributes together, as JSON: a user record stays well below what a store takes.
const MAX_TOTAL: usize = 32 * 1024;

/// Where an attribute's value comes from.
#[derive(Debug, Clone)]
pub enum Rule {
    /// The first of these claims that is present: each a claim name, or a JSON pointer when it begins with
    /// `/`.
    Claims(Vec<String>),
    /// Always this text.
    Constant(String),
    /// The result of an expression; null, or an absent claim behind `has()`, leaves the attribute out.
    Expression(Expression),
    /// An unsigned claim, as a JSON pointer: fills the attribute once and never replaces what is there.
    Unsigned(String),
}

/// Checked rules from claims to attributes. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Mapping {
    rules: Arc<BTreeMap<AttributeName, Rule>>,
}

/// What a sign-in says about the attributes of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mapped {
    /// Values that replace the stored ones.
    pub attributes: Attributes,
    /// Values that are stored only where there is none yet.
    pub first: Attributes,
    /// Attributes that this provider fills and for which it sent nothing: their stored values are dropped.
    pub dropped: Vec<AttributeName>,
    /// What was left out and why.
    pub problems: Vec<MappingProblem>,
}

/// An attribute that was left out although the provider sent something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MappingProblem {
    /// The value is longer than an attribute may be.
    #[error("attribute {attribute} was left out: its value has {length} bytes, {MAX_VALUE} are allowed")]
    TooLong {
        /// Which.
        attribute: AttributeName,
        /// Length of the value in bytes.
        length: usize,
    },
    /// The attributes before it in the alphabet already fill a user record.
    #[error("attribute {0} was left out: the attributes have more than {MAX_TOTAL} bytes together")]
    TooMuch(AttributeName),
    /// An expression failed.
    #[error("attribute {attribute} was left out: {reason}")]
    Expression {
        /// Which.
        attribute: AttributeName,
        /// In words for the pool's administrator.
        reason: &'static str,
    },
    /// A claim too large for expressions was hidden from them.
    #[error("claim {0} is too large for mapping expressions, which did not see it")]
    Hidden(String),
    /// The provider sent a reference in place of the groups; nobody is in a group by it.
    #[error("the provider sent a reference instead of the groups, because there are too many of them")]
    GroupsOverage,
}

impl Mapping {
    /// Rules by attribute. Attributes of [`DECIDED_HERE`] are left out, and unsigned sources for anything but
    /// a name.
    pub fn new(rules: BTreeMap<AttributeName, Rule>) -> Self {
        let allowed = |name: &AttributeName, rule: &Rule| {
            !DECIDED_HERE.contains(&name.as_str())
                && (!matches!(rule, Rule::Unsigned(_)) || UNSIGNED.contains(&name.as_str()))
        };
        Self { rules: Arc::new(rules.into_iter().filter(|(name, rule)| allowed(name, rule)).collect()) }
    }

    /// The rules by attribute.
    pub fn rules(&self) -> &BTreeMap<AttributeName, Rule> {
        &self.rules
    }

    /// Attributes for what a provider proved, within the limits of an attribute.
    ///
    /// `email_verified` follows the provider's trust rule, and only for the very address that the rule spoke
    /// of.
    pub fn apply(&self, identity: &ExternalIdentity) -> Mapped {
        let mut mapped = Mapped::default();
        let (input, mut total) = (OnceCell::new(), 0);
        for (name, rule) in &*self.rules {
            let value = read(rule, identity, &input);
            total += value
                .iter()
                .flatten()
                .filter(|value| value.len() <= MAX_VALUE)
                .map(|value| Value::from(value.as_str()).to_string().len())
                .sum::<usize>();
            match value {
                Ok(Some(value)) if value.len() <= MAX_VALUE && total > MAX_TOTAL => {
                    mapped.problems.push(MappingProblem::TooMuch(name.clone()));
                    mapped.dropped.push(name.clone());
                }
                Ok(Some(value)) if value.len() > MAX_VALUE => {
                    mapped
                        .problems
                        .push(MappingProblem::TooLong { attribute: name.clone(), length: value.len() });
                    mapped.dropped.push(name.clone());
                }
                Ok(Some(value)) if matches!(rule, Rule::Unsigned(_)) => mapped.first.set(name.clone(), value),
                Ok(Some(value)) => mapped.attributes.set(name.clone(), value),
                Ok(None) if matches!(rule, Rule::Unsigned(_)) => {}
                Ok(None) => mapped.dropped.push(name.clone()),
                Err(reason) => {
                    mapped.problems.push(MappingProblem::Expression { attribute: name.clone(), reason });
                    mapped.dropped.push(name.clone());
                }
            }
        }
        mapped.problems.extend(
            input.into_inner().into_iter().flat_map(|input: Input| input.hidden).map(MappingProblem::Hidden),
        );
        self.decide_verified(identity, &mut mapped);
        mapped
    }

    fn decide_verified(&self, identity: &ExternalIdentity, mapped: &mut Mapped) {
        let name = |text| AttributeName::parse(text).ok();
        if let (true, Some(verified)) =
            (self.rules.keys().any(|name| name.as_str() == "email"), name("email_verified"))
        {
            match mapped.attributes.get("email") {
                Some(email) => {
                    let proved = identity
                        .claims
                        .get("email")
                        .and_then(Value::as_str)
                        .is_some_and(|claim| claim.eq_ignore_ascii_case(email));
                    mapped.attributes.set(verified, (identity.email_verified && proved).to_string());
                }
                None => mapped.dropped.push(verified),
            }
        }
        if let (true, Some(verified)) =
            (self.rules.keys().any(|name| name.as_str() == "phone_number"), name("phone_number_verified"))
        {
            mapped.dropped.push(verified);
        }
    }
}

fn read(
    rule: &Rule,
    identity: &ExternalIdentity,
    input: &OnceCell<Input>,
) -> Result<Option<String>, &'static str> {
    match rule {
        Rule::Claims(paths) => Ok(paths.iter().find_map(|path| text_of(lookup(&identity.claims, path)?))),
        Rule::Constant(text) => Ok(Some(text.clone())),
        Rule::Unsigned(path) => Ok(lookup(&identity.unsigned, path).and_then(text_of)),
        Rule::Expression(expression) => {
            let input = input.get_or_init(|| Input::new(&identity.claims));
            expression.evaluate(input).map(|value| text_of(&value))
        }
    }
}

/// Texts as they are; booleans and numbers in their JSON form; lists and objects as JSON. Null and empty
/// values are absent.
fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Array(items) if items.is_empty() => None,
        Value::Object(members) if members.is_empty() => None,
        other => Some(other.to_string()),
    }
}

/// The claim at `path`: a name as it stands, or a JSON pointer ([RFC
/// 6901](https://www.rfc-editor.org/rfc/rfc6901)) when it begins with `/`.
pub fn lookup<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    let Some(pointer) = path.strip_prefix('/') else { return claims.get(path) };
    let (first, rest) = match pointer.split_once('/') {
        Some((first, _)) => (first, pointer.get(first.len()..)?),
        None => (pointer, ""),
    };
    claims.get(&first.replace("~1", "/").replace("~0", "~"))?.pointer(rest)
}
