//! `authorizationProviders:`.

use super::Reader;
use crate::model::Configuration;
use std::collections::BTreeMap;
use std::sync::Arc;
use tollgate_engine::definition::{AuthorizationDefinition, AuthorizationProviders};

impl Reader<'_, '_> {
    pub(super) fn authorization_providers(
        &mut self,
        model: &Configuration,
    ) -> Arc<AuthorizationProviders> {
        let ids = model.authorization_providers.iter().map(|p| &p.id);
        self.once(ids, "authorization provider");
        let mut providers = AuthorizationProviders::new();
        for provider in &model.authorization_providers {
            let ids = provider.authorizations.iter().map(|a| &a.id);
            self.once(ids, "authorization");
            let mut authorizations = BTreeMap::new();
            for item in &provider.authorizations {
                let token = &item.access_token;
                let access_token = self.secret(token, token.place, "accessToken");
                let expires_millis = item.expires_on.as_ref().map(|date| self.instant(date));
                let claims = item.claims.iter();
                let claims = claims.map(|(name, value)| (Arc::from(name.as_str()), value.clone()));
                let definition = AuthorizationDefinition {
                    access_token,
                    claims: claims.collect(),
                    expires_millis,
                };
                authorizations.insert(Arc::from(item.id.as_str()), definition);
            }
            providers.insert(Arc::from(provider.id.as_str()), authorizations);
        }
        Arc::new(providers)
    }
}
