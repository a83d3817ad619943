//! Everything but APIs: named values, fragments, backends, loggers, products, subscriptions, groups, users, certificates,
//! schemas.

use super::names::{below_service, last};
use super::{Conversion, shorten};
use crate::azure::Resource;
use crate::azure::tree::{mapping, text};
use crate::azure::variable;
use crate::yaml::{Kind, Node};

impl Conversion<'_> {
    pub(super) fn workspace(&mut self, resource: Resource) {
        let id = resource.name().to_owned();
        let home = self.home(Some(&id), resource.place);
        for name in ["displayName", "description"] {
            if let Some(value) = resource.properties.property(name) {
                home.set(name, value.copy());
            }
        }
    }

    pub(super) fn named_value(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let id = resource.name().to_owned();
        vault_secret(&mut resource.properties);
        let mut item = self.item(&mut resource, "NamedValue", "named value");
        item.take("tags");
        let secret = item.property("secret").is_some_and(Node::is_true);
        if !secret {
            item.take("secret");
        }
        if item.property_text("displayName") == Some(&id) {
            item.take("displayName");
        }
        let name = variable(&["NAMED_VALUE", workspace.as_deref().unwrap_or_default(), &id]);
        let has_value = item.property("value").is_some() || item.property("keyVault").is_some();
        let set = (self.manner.environment)(&name).is_some();
        let literal = secret && item.property("value").is_some();
        if set || !has_value || (self.manner.import && literal) {
            item.take("value");
            item.take("keyVault");
            item.set("env", text(name, resource.place));
        }
        if item.property("env").is_some() || item.property("keyVault").is_some() {
            // What comes from there is a secret anyway.
            item.take("secret");
        }
        self.add(workspace.as_ref(), "namedValues", item);
    }

    pub(super) fn fragment(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let what = format!("policy fragment `{}`", resource.name());
        let Some(policy) = self.policy_text(&mut resource, &what) else {
            self.note(resource.place, format!("{what} has no document"));
            return;
        };
        resource.properties.take("format");
        resource.properties.take("provisioningState");
        let mut item = self.item(&mut resource, "PolicyFragment", "policy fragment");
        item.set("policy", policy);
        self.add(workspace.as_ref(), "policyFragments", item);
    }

    pub(super) fn backend(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let id = resource.name().to_owned();
        let properties = &mut resource.properties;
        for documentation in ["resourceId", "azureRegion", "provisioningState"] {
            properties.take(documentation);
        }
        let protocol = properties.take("protocol");
        if protocol
            .and_then(|p| p.text().map(|t| t.eq_ignore_ascii_case("soap")))
            .unwrap_or(false)
        {
            self.note(
                resource.place,
                format!(
                    "protocol `soap` of backend `{id}` has no effect: calls go out as they are"
                ),
            );
        }
        let url = properties.property_text("url").unwrap_or_default();
        if url
            .get(..7)
            .is_some_and(|s| s.eq_ignore_ascii_case("fabric:"))
        {
            self.note(
                resource.place,
                format!("backend `{id}` is left out: `{url}` is known in a Service Fabric cluster alone; give the service's own URL"),
            );
            return;
        }
        let mut item = self.item(&mut resource, "Backend", "backend");
        // What the other properties say anyway.
        item.take("type");
        if item.property("pool").is_some() {
            item.take("url");
            if let Some(mut pool) = item.take("pool") {
                members(&mut pool);
                item.set("pool", pool);
            }
        }
        if let Some(mut tls) = item.take("tls") {
            tls.retain(|_, value| !value.is_true());
            if !tls.is_empty() {
                item.set("tls", tls);
            }
        }
        if let Some(mut credentials) = item.take("credentials") {
            self.credentials(&mut credentials, &id);
            credentials.retain(|_, value| !value.is_empty());
            if !credentials.is_empty() {
                item.set("credentials", credentials);
            }
        }
        self.add(workspace.as_ref(), "backends", item);
    }

    /// Secrets of a backend's credentials.
    fn credentials(&self, credentials: &mut Node, id: &str) {
        for part in ["header", "query"] {
            let Some(mut values) = credentials.take(part) else {
                continue;
            };
            if let Kind::Mapping(entries) = &mut values.kind {
                for (key, value) in entries {
                    // One value stands for itself.
                    if let ([one], true) = (value.items(), value.items().len() == 1) {
                        *value = one.copy();
                    }
                    if let Some(secret) =
                        self.secret(Some(value), &["BACKEND", id, &key.text], key.place)
                        && value.items().is_empty()
                    {
                        *value = secret;
                    }
                }
            }
            credentials.set(part, values);
        }
        if let Some(mut authorization) = credentials.take("authorization") {
            let parameter = authorization.property("parameter");
            let name = ["BACKEND", id, "AUTHORIZATION"];
            let place = authorization.place;
            if let Some(secret) = self.secret(parameter, &name, place) {
                authorization.set("parameter", secret);
            }
            credentials.set("authorization", authorization);
        }
    }

    pub(super) fn logger(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let id = resource.name().to_owned();
        resource.properties.take("resourceId");
        let mut item = self.item(&mut resource, "Logger", "logger");
        if item.property("isBuffered").is_some_and(Node::is_true) {
            item.take("isBuffered");
        }
        if let Some(mut credentials) = item.take("credentials") {
            if let Kind::Mapping(entries) = &mut credentials.kind {
                for (key, value) in entries {
                    if matches!(&*key.text, "connectionString" | "instrumentationKey") {
                        let name = ["LOGGER", &id, &key.text];
                        if let Some(secret) = self.secret(Some(value), &name, key.place) {
                            *value = secret;
                        }
                    }
                }
            }
            item.set("credentials", credentials);
        }
        self.add(workspace.as_ref(), "loggers", item);
    }

    pub(super) fn product(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let mut item = self.item(&mut resource, "Product", "product");
        if item
            .property("subscriptionRequired")
            .is_some_and(Node::is_true)
        {
            item.take("subscriptionRequired");
        }
        if item.property_text("state") == Some("published") {
            item.take("state");
        }
        if item.property_text("approvalRequired") == Some("false") {
            item.take("approvalRequired");
        }
        self.add(workspace.as_ref(), "products", item);
    }

    /// An API or a group of a product.
    pub(super) fn link(&mut self, resource: Resource, list: &str) {
        let workspace = resource.workspace.clone();
        let property = if list == "apis" { "apiId" } else { "groupId" };
        let linked = resource.properties.property_text(property);
        let linked = last(linked.unwrap_or(resource.name())).to_owned();
        let product = resource.outer().to_owned();
        if list == "apis" {
            if self.left_out.contains(&(workspace.clone(), linked.clone())) {
                return;
            }
            let id = linked.split(";rev=").next().unwrap_or_default().to_owned();
            if self.find(workspace.as_ref(), "apis", &id).is_none() {
                self.note(
                    resource.place,
                    format!("API `{linked}` of product `{product}` is not there"),
                );
                return;
            }
        }
        match self.find(workspace.as_ref(), "products", &product) {
            Some(item) => item.append(list, text(linked, resource.place)),
            None => self.note(
                resource.place,
                format!("product `{product}`, which `{linked}` is linked to, is not there"),
            ),
        }
    }

    pub(super) fn subscription(&mut self, mut resource: Resource) {
        // The built-in one opens everything and is not for callers.
        if resource.name().eq_ignore_ascii_case("master") {
            return;
        }
        let workspace = resource.workspace.clone();
        let id = resource.name().to_owned();
        for unused in ["expirationDate", "notificationDate", "stateComment"] {
            resource.properties.take(unused);
        }
        let mut item = self.item(&mut resource, "Subscription", "subscription");
        let scope = item
            .property_text("scope")
            .map(|s| below_service(s).to_owned());
        let scope = match scope.as_deref() {
            None | Some("/") => String::from("/apis"),
            Some(scope) => scope.to_owned(),
        };
        item.set("scope", text(scope, resource.place));
        if let Some(owner) = item.property_text("ownerId").map(|o| last(o).to_owned()) {
            item.take("ownerId");
            if self.users.contains(&owner) {
                item.set("ownerId", text(owner, resource.place));
            } else {
                self.note(
                    resource.place,
                    format!(
                        "the owner of subscription `{id}` is not there: `context.User` is null"
                    ),
                );
            }
        }
        if item.property_text("allowTracing") == Some("false") {
            item.take("allowTracing");
        }
        if item.property_text("state") == Some("active") {
            item.take("state");
        }
        let ws = workspace.as_deref().unwrap_or_default();
        for (property, key) in [
            ("primaryKey", "PRIMARY_KEY"),
            ("secondaryKey", "SECONDARY_KEY"),
        ] {
            let given = item.take(property);
            if property == "secondaryKey" && self.manner.import && given.is_none() {
                continue;
            }
            let secret = self.secret(
                given.as_ref(),
                &["SUBSCRIPTION", ws, &id, key],
                resource.place,
            );
            if let Some(secret) = secret {
                item.set(property, secret);
            }
        }
        if item.property("primaryKey").is_none() && self.manner.stand_ins {
            let name = variable(&["SUBSCRIPTION", ws, &id, "PRIMARY_KEY"]);
            let mut reference = mapping(resource.place);
            reference.set("env", text(name, resource.place));
            item.set("primaryKey", reference);
        }
        if item.property("primaryKey").is_none() {
            let name = variable(&["SUBSCRIPTION", ws, &id, "PRIMARY_KEY"]);
            self.note(
                resource.place,
                format!("subscription `{id}` has no key and opens nothing: set `{name}`"),
            );
            return;
        }
        self.add(workspace.as_ref(), "subscriptions", item);
    }

    pub(super) fn group(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let system = resource.properties.property_text("type") == Some("system");
        if system
            || resource
                .properties
                .property("builtIn")
                .is_some_and(Node::is_true)
        {
            return;
        }
        resource.properties.take("builtIn");
        let mut item = self.item(&mut resource, "Group", "group");
        if item.property_text("type") == Some("custom") {
            item.take("type");
        }
        self.add(workspace.as_ref(), "groups", item);
    }

    pub(super) fn user(&mut self, mut resource: Resource) {
        for unused in ["password", "confirmation", "appType", "groups"] {
            resource.properties.take(unused);
        }
        let mut item = self.item(&mut resource, "User", "user");
        if item.property_text("state") == Some("active") {
            item.take("state");
        }
        self.add(None, "users", item);
    }

    pub(super) fn group_user(&mut self, resource: Resource) {
        let group = text(resource.outer(), resource.place);
        let user = resource.name().to_owned();
        if let Some(item) = self.find(None, "users", &user) {
            item.append("groups", group);
        }
    }

    pub(super) fn certificate(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let id = resource.name().to_owned();
        for read_only in ["subject", "thumbprint", "expirationDate"] {
            resource.properties.take(read_only);
        }
        vault_secret(&mut resource.properties);
        let mut item = self.item(&mut resource, "Certificate", "certificate");
        let ws = workspace.as_deref().unwrap_or_default();
        let data = item.take("data");
        // Whoever has the certificate in a vault has it nowhere else.
        let given = item.property("keyVault").is_none() || data.is_some();
        let name = ["CERTIFICATE", ws, &id, "DATA"];
        if let Some(secret) = given
            .then(|| self.secret(data.as_ref(), &name, resource.place))
            .flatten()
        {
            item.take("keyVault");
            item.set("data", secret);
        }
        if item.property("data").is_none() && item.property("keyVault").is_none() {
            let name = variable(&name);
            self.note(
                resource.place,
                format!("certificate `{id}` is not in it: set `{name}`, PKCS #12 (PFX) in Base64"),
            );
            return;
        }
        let password = item.take("password");
        let name = ["CERTIFICATE", ws, &id, "PASSWORD"];
        if let Some(secret) = password.and_then(|p| self.secret(Some(&p), &name, p.place)) {
            item.set("password", secret);
        }
        self.add(workspace.as_ref(), "certificates", item);
    }

    pub(super) fn schema(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let item = self.schema_item(&mut resource);
        self.add(workspace.as_ref(), "schemas", item);
    }

    /// A schema of the service, a workspace or an API.
    pub(super) fn schema_item(&mut self, resource: &mut Resource) -> Node {
        resource.properties.take("provisioningState");
        let mut item = self.item(resource, "Schema", "schema");
        // The forms of one text: JSON Schema comes as an object, XML Schema as a text, both in `document` or `value`.
        let inner = item.property("document").and_then(|d| d.property("value"));
        if let Some(inner) = inner.map(Node::copy) {
            item.take("document");
            item.set("value", inner);
        }
        item
    }

    pub(super) fn version_set(&mut self, mut resource: Resource) {
        let workspace = resource.workspace.clone();
        let item = self.item(&mut resource, "VersionSet", "version set");
        self.add(workspace.as_ref(), "versionSets", item);
    }
}

/// A reference to Key Vault without what Azure notes beside it; none when it does not say which secret.
fn vault_secret(properties: &mut Node) {
    let Some(mut vault) = properties.take("keyVault") else {
        return;
    };
    vault.take("lastStatus");
    if vault.property("secretIdentifier").is_some() {
        properties.set("keyVault", vault);
    }
}

/// Members of a pool: short ids, no defaults.
fn members(pool: &mut Node) {
    let Some(mut services) = pool.take("services") else {
        return;
    };
    if let Kind::Sequence(items) = &mut services.kind {
        for item in items {
            shorten(item, "id");
            for name in ["priority", "weight"] {
                if item.property_text(name) == Some("1") {
                    item.take(name);
                }
            }
        }
    }
    let mut written = mapping(pool.place);
    written.set("services", services);
    if let Kind::Mapping(entries) = &pool.kind {
        for (key, value) in entries {
            written.set(&key.text, value.copy());
        }
    }
    *pool = written;
}
