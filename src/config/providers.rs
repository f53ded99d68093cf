//! The providers of a pool in the order of the file, found by name however many there are.

use std::collections::HashMap;
use std::ops::Deref;

use crate::flow::next::Catalogue;
use crate::model::client::Client;
use crate::model::ids::ProviderName;
use crate::provider::settings::Provider;

/// A pool's providers.
#[derive(Debug, Clone, Default)]
pub struct Providers {
    list: Vec<Provider>,
    places: HashMap<ProviderName, usize>,
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
}

impl From<Vec<Provider>> for Providers {
    fn from(list: Vec<Provider>) -> Self {
        let places = list.iter().enumerate().map(|(place, provider)| (provider.name.clone(), place)).collect();
        Self { list, places }
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
        let enabled = |provider: &&Provider| provider.enabled;
        match &self.client.providers {
            Some(names) => Box::new(names.iter().filter_map(|name| self.providers.named(name)).filter(enabled)),
            None => Box::new(self.providers.list.iter().filter(enabled)),
        }
    }
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
