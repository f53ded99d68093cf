//! The operator's file, table by table.

use crate::support::fake_idp::{Endpoint, FakeIdp, Vendor};

/// `[[pool.client]]`.
#[derive(Debug, Clone)]
pub(crate) struct ClientToml {
    pub(crate) id: String,
    pub(crate) secret: Option<String>,
    pub(crate) redirect_uri: String,
    pub(crate) scopes: Vec<String>,
    lines: Vec<String>,
}

/// An app on the web with a secret, at `https://<id>.example/callback`.
pub(crate) fn client(id: &str) -> ClientToml {
    ClientToml {
        id: id.to_owned(),
        secret: Some(format!("secret-of-{id}-0123456789")),
        redirect_uri: format!("https://{id}.example/callback"),
        scopes: ["openid", "email", "profile"].map(str::to_owned).into(),
        lines: Vec::new(),
    }
}

impl ClientToml {
    /// Without a secret: PKCE alone.
    pub(crate) fn public(mut self) -> Self {
        self.secret = None;
        self
    }

    /// With these scopes.
    pub(crate) fn scopes(mut self, scopes: &[&str]) -> Self {
        self.scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        self
    }

    /// One more line, for example `rotation = true`.
    pub(crate) fn with(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }

    pub(super) fn toml(&self) -> String {
        let secret = self.secret.as_ref().map(|secret| format!("secret = {secret:?}\n")).unwrap_or_default();
        let Self { id, redirect_uri, scopes, .. } = self;
        format!(
            "[[pool.client]]\nid = {id:?}\n{secret}redirect_uris = [{redirect_uri:?}]\nlogout_uris = \
             [\"https://{id}.example/\"]\nscopes = {scopes:?}\n{}\n",
            self.lines.join("\n")
        )
    }
}

/// `[[pool.provider]]` with its sub-tables.
#[derive(Debug, Clone)]
pub(crate) struct ProviderToml(pub(crate) String);

/// The provider `idp`, called `name` in the pool, under the preset of its vendor.
pub(crate) fn provider(name: &str, idp: &FakeIdp) -> ProviderToml {
    let head =
        format!("[[pool.provider]]\nname = {name:?}\nlabel = {name:?}\nclient_id = {:?}\n", idp.client_id());
    let secret = format!("client_secret = {:?}\n", idp.client_secret());
    let issuer = format!("issuer = {:?}\n", idp.issuer());
    let endpoints = || {
        let lines = [
            ("authorization", Endpoint::Authorize),
            ("token", Endpoint::Token),
            ("userinfo", Endpoint::Userinfo),
        ]
        .map(|(key, endpoint)| format!("{key} = {:?}\n", idp.endpoint(endpoint)));
        format!("\n[pool.provider.endpoints]\n{}", lines.concat())
    };
    let audience = |parameter: &str, pointer: &str, app_token: bool| {
        let url = idp.endpoint(Endpoint::TokenAudience);
        format!(
            "\n[pool.provider.quirks.token_audience]\nurl = {url:?}\nparameter = {parameter:?}\naudience = \
             {pointer:?}\napp_token = {app_token}\n"
        )
    };
    let rest = match idp.vendor() {
        Vendor::Oidc => format!("use = \"oidc\"\n{secret}{issuer}"),
        Vendor::Google => format!("use = \"google\"\n{secret}{issuer}"),
        Vendor::Microsoft => {
            format!(
                "use = \"microsoft\"\n{secret}tenant = \"common\"\nallowed_tenants = [\"*\"]\nbase_url = \
                 {:?}\n",
                idp.base()
            )
        }
        Vendor::Apple => {
            let key = idp.client_key_pem();
            format!(
                "use = \"apple\"\n{issuer}team_id = \"TEAM123456\"\nkey_id = \"KEY1234567\"\nprivate_key = \
                 '''\n{key}'''\n"
            )
        }
        Vendor::Facebook => format!(
            "use = \"facebook\"\n{secret}{}{}",
            endpoints(),
            audience("input_token", "/data/app_id", true)
        ),
        Vendor::Amazon => {
            format!("use = \"amazon\"\n{secret}{}{}", endpoints(), audience("access_token", "/aud", false))
        }
        Vendor::GitHub => format!("use = \"github\"\n{secret}base_url = {:?}\n", idp.base()),
    };
    ProviderToml(head + &rest)
}

impl ProviderToml {
    /// One more line for the provider's own table, in place of one with the same key.
    pub(crate) fn with(self, line: &str) -> Self {
        let key = line.split('=').next().unwrap_or_default();
        let kept: Vec<&str> = self.0.lines().filter(|have| !have.starts_with(key)).collect();
        Self(
            kept.join("\n").replacen("[[pool.provider]]\n", &format!("[[pool.provider]]\n{line}\n"), 1)
                + "\n",
        )
    }

    /// One more sub-table, for example `[pool.provider.attributes]` and its lines.
    pub(crate) fn with_table(self, table: &str) -> Self {
        Self(format!("{}\n{table}\n", self.0))
    }
}
