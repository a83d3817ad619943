//! `products:` and `subscriptions:`.

use super::{Reader, api_id_of, id_of, last_of, without_revision};
use crate::model::product::{ProductState, SubscriptionState};
use crate::model::{Configuration, Lists, Subscription};
use crate::yaml::At;
use std::collections::BTreeSet;
use std::sync::Arc;
use tollgate_engine::definition::{ProductDefinition, SubscriptionDefinition, SubscriptionScope};

impl Reader<'_, '_> {
    pub(super) fn products(&mut self, lists: Lists<'_>) -> Vec<ProductDefinition> {
        let ids = api_ids(lists);
        let groups = self.groups(lists);
        let mut products = Vec::new();
        for product in lists.products {
            let mut apis: Vec<Arc<str>> = Vec::new();
            for api in &product.apis {
                let id = api_id_of(api);
                if self.known(api, id, "API", "apis", &ids) && !apis.iter().any(|a| **a == *id) {
                    apis.push(Arc::from(id));
                }
            }
            let mcp_tools = self.product_tools(product, &apis, lists);
            let what = format!("the policy of product `{}`", product.id.value);
            let policy = product.policy.as_ref().and_then(|p| self.policy(p, &what));
            products.push(ProductDefinition {
                span: Some(self.span(product.id.place)),
                workspace: self.workspace.clone(),
                id: Arc::from(product.id.as_str()),
                display_name: Arc::from(product.display_name.as_deref().unwrap_or(&product.id)),
                subscription_required: product.subscription_required.unwrap_or(true),
                approval_required: product.approval_required,
                subscriptions_limit: product.subscriptions_limit,
                published: product.state != Some(ProductState::NotPublished),
                apis,
                groups: self.members_of(&product.groups, &groups),
                mcp_tools,
                token_accounting: self.token_accounting(product.token_accounting.as_ref()),
                policy,
            });
        }
        products
    }

    pub(super) fn subscriptions(
        &mut self,
        lists: Lists<'_>,
        model: &Configuration,
    ) -> Vec<SubscriptionDefinition> {
        let users: BTreeSet<&str> = model.users.iter().map(|u| u.id.as_str()).collect();
        let mut subscriptions = Vec::new();
        for item in lists.subscriptions {
            let (workspace, scope) = self.scope(&item.scope, lists, model);
            let owner = item.owner_id.as_ref().and_then(|owner| {
                let id = id_of(owner, "users");
                self.known(owner, id, "user", "users", &users)
                    .then(|| Arc::from(id))
            });
            let mut subscription = self.subscription(item, scope, owner);
            subscription.workspace = workspace;
            subscriptions.push(subscription);
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
            workspace: None,
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

    /// `/products/x`, `/apis/x`, `/apis`, below `/workspaces/w` too, and absolute Azure ids that end so; with the
    /// workspace that it is of.
    fn scope(
        &mut self,
        scope: &At<String>,
        lists: Lists<'_>,
        model: &Configuration,
    ) -> (Option<Arc<str>>, SubscriptionScope) {
        let text = scope.trim_end_matches('/');
        let (workspace, lists) = match workspace_of(text) {
            None => (self.workspace.clone(), lists),
            Some(id) => match model.workspaces.iter().find(|w| *w.id.value == *id) {
                // A workspace does not reach another.
                Some(found) if self.workspace.as_deref().is_none_or(|own| own == id) => {
                    (Some(Arc::from(id)), found.lists())
                }
                _ => {
                    self.fault(
                        scope.place,
                        format!("there is no workspace `{id}` here"),
                        "expected the id of one of `workspaces`, or of the one that it stands in",
                        "",
                    );
                    return (None, SubscriptionScope::AllApis);
                }
            },
        };
        (workspace, self.scope_in(scope, text, lists))
    }

    fn scope_in(&mut self, scope: &At<String>, text: &str, lists: Lists<'_>) -> SubscriptionScope {
        let products: BTreeSet<&str> = lists.products.iter().map(|p| p.id.as_str()).collect();
        let last = text.rsplit('/').next();
        if let Some(id) = last_of(text, "products") {
            if self.known(scope, id, "product", "products", &products) {
                return SubscriptionScope::Product(Arc::from(id));
            }
        } else if let Some(id) = last_of(text, "apis").map(without_revision) {
            if self.known(scope, id, "API", "apis", &api_ids(lists)) {
                return SubscriptionScope::Api(Arc::from(id));
            }
        } else if last_of(text, "workspaces").is_none()
            && !last.is_some_and(|last| last.eq_ignore_ascii_case("apis"))
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

/// Ids of APIs, all revisions under one.
pub(super) fn api_ids(lists: Lists<'_>) -> BTreeSet<&str> {
    let ids = lists.apis.iter().map(|a| a.id.as_str());
    ids.map(without_revision).collect()
}

/// `w` of `/workspaces/w/apis/x`.
fn workspace_of(scope: &str) -> Option<&str> {
    let mut segments = scope.split('/');
    segments.find(|s| s.eq_ignore_ascii_case("workspaces"))?;
    segments.next().filter(|id| !id.is_empty())
}
