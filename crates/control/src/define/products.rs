//! `products:` and `subscriptions:`.

use super::{Reader, id_of, last_of};
use crate::model::product::{ProductState, SubscriptionState};
use crate::model::{Configuration, Subscription};
use crate::yaml::At;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_engine::definition::{ProductDefinition, SubscriptionDefinition, SubscriptionScope};

impl Reader<'_, '_> {
    pub(super) fn products(&mut self, model: &Configuration) -> Vec<ProductDefinition> {
        let ids: BTreeSet<&str> = model.apis.iter().map(|a| a.id.as_str()).collect();
        let mut products = Vec::new();
        for product in &model.products {
            let mut apis: Vec<Arc<str>> = Vec::new();
            for api in &product.apis {
                let id = id_of(api, "apis");
                if self.known(api, id, "API", "apis", &ids) && !apis.iter().any(|a| **a == *id) {
                    apis.push(Arc::from(id));
                }
            }
            let mcp_tools = self.product_tools(product, &apis, model);
            let what = format!("the policy of product `{}`", product.id.value);
            let policy = product.policy.as_ref().and_then(|p| self.policy(p, &what));
            products.push(ProductDefinition {
                span: Some(self.span(product.id.place)),
                id: Arc::from(product.id.as_str()),
                display_name: Arc::from(product.display_name.as_deref().unwrap_or(&product.id)),
                subscription_required: product.subscription_required.unwrap_or(true),
                approval_required: product.approval_required,
                subscriptions_limit: product.subscriptions_limit,
                published: product.state != Some(ProductState::NotPublished),
                apis,
                groups: product
                    .groups
                    .iter()
                    .map(|g| Arc::from(id_of(g, "groups")))
                    .collect(),
                mcp_tools,
                policy,
            });
        }
        products
    }

    pub(super) fn subscriptions(&mut self, model: &Configuration) -> Vec<SubscriptionDefinition> {
        let users: BTreeSet<&str> = model.users.iter().map(|u| u.id.as_str()).collect();
        let apis: BTreeSet<&str> = model.apis.iter().map(|a| a.id.as_str()).collect();
        let products: BTreeSet<&str> = model.products.iter().map(|p| p.id.as_str()).collect();
        let mut subscriptions = Vec::new();
        for item in &model.subscriptions {
            let scope = self.scope(&item.scope, &products, &apis);
            let owner = item.owner_id.as_ref().and_then(|owner| {
                let id = id_of(owner, "users");
                self.known(owner, id, "user", "users", &users)
                    .then(|| Arc::from(id))
            });
            subscriptions.push(self.subscription(item, scope, owner));
        }
        subscriptions
    }

    fn subscription(
        &mut self,
        item: &Subscription,
        scope: SubscriptionScope,
        owner: Option<Arc<str>>,
    ) -> SubscriptionDefinition {
        let primary_key = self.secret(&item.primary_key, item.primary_key.place, "primaryKey");
        let secondary_key = item
            .secondary_key
            .as_ref()
            .map(|key| self.secret(key, key.place, "secondaryKey"));
        let created_millis = item
            .created_date
            .as_ref()
            .map_or(0, |date| self.instant(date));
        SubscriptionDefinition {
            span: Some(self.span(item.id.place)),
            id: Arc::from(item.id.as_str()),
            display_name: Arc::from(item.display_name.as_deref().unwrap_or(&item.id)),
            scope,
            owner,
            primary_key,
            secondary_key,
            active: matches!(item.state, None | Some(SubscriptionState::Active)),
            created_millis,
            start_millis: item.start_date.as_ref().map(|date| self.instant(date)),
            end_millis: item.end_date.as_ref().map(|date| self.instant(date)),
            allow_tracing: item.allow_tracing,
        }
    }

    /// `/products/x`, `/apis/x`, `/apis`, and absolute Azure ids that end so.
    fn scope(
        &mut self,
        scope: &At<String>,
        products: &BTreeSet<&str>,
        apis: &BTreeSet<&str>,
    ) -> SubscriptionScope {
        let text = scope.trim_end_matches('/');
        if let Some(id) = last_of(text, "products") {
            if self.known(scope, id, "product", "products", products) {
                return SubscriptionScope::Product(Arc::from(id));
            }
        } else if let Some(id) = last_of(text, "apis") {
            if self.known(scope, id, "API", "apis", apis) {
                return SubscriptionScope::Api(Arc::from(id));
            }
        } else if !text
            .rsplit('/')
            .next()
            .is_some_and(|last| last.eq_ignore_ascii_case("apis"))
        {
            self.fault(
                scope.place,
                format!("`{}` is not a scope", scope.value),
                "expected `/products/{id}`, `/apis/{id}` or `/apis`",
                "",
            );
        }
        SubscriptionScope::AllApis
    }

    /// Milliseconds since the Unix epoch.
    pub(super) fn instant(&mut self, date: &At<String>) -> u64 {
        let instant = date.parse::<jiff::Timestamp>().ok().or_else(|| {
            let day = date.parse::<jiff::civil::Date>().ok()?;
            let zoned = day.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
            Some(zoned.timestamp())
        });
        match instant.map(|t| u64::try_from(t.as_millisecond())) {
            Some(Ok(millis)) => millis,
            _ => {
                self.fault(
                    date.place,
                    format!("`{}` is not a date", date.value),
                    "expected a date as `2026-01-31T00:00:00Z`, not before 1970",
                    "",
                );
                0
            }
        }
    }
}
