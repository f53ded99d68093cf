//! The providers of a pool in the order of the file, found by name however many there are.

use std::collections::HashMap;
use std::ops::Deref;

use crate::flow::next::Catalogue;
use crate::model::client::Client;
use crate::model::ids::ProviderName;
use crate::provider::routing;
use crate::provider::settings::Provider;

/// A pool's providers.
#[derive(Debug, Clone, Default)]
pub struct Providers {
    list: Vec<Provider>,
    places: HashMap<ProviderName, usize>,
    /// By a rule of their `domains`, in the order of the file.
    routed: HashMap<String, Vec<usize>>,
    /// Those without `domains`.
    listed: Vec<usize>,
    identified: HashMap<String, usize>,
}

impl Providers {
    /// The provider called `name`, enabled or not.
    pub fn named(&self, name: &ProviderName) -> Option<&Provider> {
        self.places.get(name).and_then(|place| self.list.get(*place))
    }

    /// Those that `client` offers to people.
    pub const fn offered<'a>(&'a self, client: &'a Client) -> Offered<'a> {
        Offered { providers: self, client }
    }

    fn at<'a>(&'a self, places: impl IntoIterator<Item = &'a usize>) -> impl Iterator<Item = &'a Provider> {
        places.into_iter().filter_map(|place| self.list.get(*place))
    }
}

impl From<Vec<Provider>> for Providers {
    fn from(list: Vec<Provider>) -> Self {
        let mut providers = Self::default();
        for (place, provider) in list.iter().enumerate() {
            providers.places.insert(provider.name.clone(), place);
            for rule in &provider.domains {
                providers.routed.entry(rule.clone()).or_default().push(place);
            }
            if provider.domains.is_empty() {
                providers.listed.push(place);
            }
            for identifier in &provider.identifiers {
                providers.identified.entry(identifier.clone()).or_insert(place);
            }
        }
        Self { list, ..providers }
    }
}

impl Deref for Providers {
    type Target = [Provider];

    fn deref(&self) -> &[Provider] {
        &self.list
    }
}

impl<'a> IntoIterator for &'a Providers {
    type Item = &'a Provider;
    type IntoIter = std::slice::Iter<'a, Provider>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

/// The enabled ones.
impl Catalogue for Providers {
    fn has(&self, name: &ProviderName) -> bool {
        self.named(name).is_some_and(|provider| provider.enabled)
    }

    fn only(&self) -> Option<&ProviderName> {
        only(self.list.iter().filter(|provider| provider.enabled))
    }
}

/// The enabled providers that a client may use.
#[derive(Debug, Clone, Copy)]
pub struct Offered<'a> {
    providers: &'a Providers,
    client: &'a Client,
}

impl<'a> Offered<'a> {
    /// In the order of the client's sign-in page.
    pub fn iter(self) -> Box<dyn Iterator<Item = &'a Provider> + 'a> {
        match &self.client.providers {
            Some(names) => Box::new(enabled(names.iter().filter_map(|name| self.providers.named(name)))),
            None => Box::new(enabled(self.providers.list.iter())),
        }
    }

    /// Those that people choose from: all without `domains`.
    pub fn listed(self) -> Box<dyn Iterator<Item = &'a Provider> + 'a> {
        match &self.client.providers {
            Some(_) => Box::new(self.iter().filter(|provider| provider.domains.is_empty())),
            None => Box::new(enabled(self.providers.at(&self.providers.listed))),
        }
    }

    /// Those that people reach by an address: all with `domains`.
    pub fn routed(self) -> impl Iterator<Item = &'a Provider> {
        let any = !self.providers.routed.is_empty();
        any.then(|| self.iter()).into_iter().flatten().filter(|provider| !provider.domains.is_empty())
    }

    /// Those whose `domains` cover `domain`, an ASCII one, most closely.
    pub fn at(self, domain: &str) -> Vec<&'a Provider> {
        let of_rule = |rule: String| {
            let places = self.providers.routed.get(&rule).into_iter().flatten();
            let mut found: Vec<&Provider> =
                self.providers.at(places).filter(|provider| self.has(&provider.name)).collect();
            if let Some(order) = &self.client.providers {
                found.sort_by_cached_key(|provider| order.iter().position(|name| *name == provider.name));
            }
            (!found.is_empty()).then_some(found)
        };
        routing::rules(domain).find_map(of_rule).unwrap_or_default()
    }

    /// The one that `idp_identifier` names.
    pub fn identified(self, identifier: &str) -> Option<&'a Provider> {
        let place = self.providers.identified.get(identifier)?;
        self.providers.list.get(*place).filter(|provider| self.has(&provider.name))
    }
}

fn enabled<'a>(providers: impl Iterator<Item = &'a Provider>) -> impl Iterator<Item = &'a Provider> {
    providers.filter(|provider| provider.enabled)
}

impl Catalogue for Offered<'_> {
    fn has(&self, name: &ProviderName) -> bool {
        self.client.allows_provider(name) && self.providers.has(name)
    }

    fn only(&self) -> Option<&ProviderName> {
        only(self.iter())
    }
}

fn only<'a>(mut providers: impl Iterator<Item = &'a Provider>) -> Option<&'a ProviderName> {
    let first = providers.next()?;
    providers.next().is_none().then_some(&first.name)
}
