//! `workspaces:`, `groups:`, `users:`, `loggers:` and `diagnostics:`.
//!
//! What must stay true: what a workspace names is looked for in it, then in the service, never in another workspace.

use super::{Reader, id_of};
use crate::model::product::{User, UserState};
use crate::model::workspace::LoggerType;
use crate::model::{Configuration, Gateway, Lists, Secret as Written};
use crate::settings::Identity;
use crate::vault::LONGEST_REFRESH;
use crate::yaml::At;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tollgate_engine::definition::{
    Definition, Group, LoggerDefinition, LoggerKind, Secret, UserDefinition, WorkspaceDefinition,
};
use tollgate_lang::Diagnostic;

/// The groups that are always there: id and name.
const SYSTEM_GROUPS: [(&str, &str); 3] = [
    ("administrators", "Administrators"),
    ("developers", "Developers"),
    ("guests", "Guests"),
];

/// Credentials of a logger that are secrets.
const SECRET: [&str; 2] = ["connectionString", "instrumentationKey"];

impl Reader<'_, '_> {
    /// `gateway.keyVault`, and the identity to ask with.
    pub(super) fn key_vault(&mut self, gateway: &Gateway) {
        let written = &gateway.key_vault;
        if let Some(refresh) = &written.refresh {
            if refresh.0.is_zero() || refresh.0 > LONGEST_REFRESH {
                self.fault(
                    refresh.place,
                    "a refresh that is out of range",
                    "expected up to 4 hours",
                    "",
                );
            } else {
                self.key_vault.refresh = refresh.0;
            }
        }
        self.key_vault.folder = written.folder.as_ref().map(|path| self.files.resolve(path));
        self.identity = Identity {
            source: gateway.identity.source,
            endpoint: gateway.identity.endpoint.as_ref().map(|e| e.value.clone()),
        };
    }

    /// All workspaces, after the service itself.
    pub(super) fn workspaces(&mut self, model: &Configuration, definition: &mut Definition) {
        self.service.backends = model.backends.iter().map(|b| b.id.value.clone()).collect();
        self.service.groups = self.groups(model.lists());
        self.service.named_values = std::mem::take(&mut self.named_values);
        let without_value = self.without_value.clone();
        for workspace in &model.workspaces {
            let lists = workspace.lists();
            let id: Arc<str> = Arc::from(workspace.id.as_str());
            self.workspace = Some(id.clone());
            self.without_value.clone_from(&without_value);
            self.named_values(lists);
            let fragments = self.fragments(lists);
            let what = format!("the policy of workspace `{id}`");
            let policy = lists.policy.and_then(|p| self.policy(p, &what));
            self.lists(lists, model, definition);
            let name = workspace.display_name.as_deref().unwrap_or(&workspace.id);
            definition.workspaces.push(WorkspaceDefinition {
                span: Some(self.span(workspace.id.place)),
                id,
                display_name: Arc::from(name),
                named_values: std::mem::take(&mut self.named_values),
                fragments,
                policy,
            });
        }
        self.workspace = None;
        self.named_values = std::mem::take(&mut self.service.named_values);
    }

    /// Names of groups by id: the service's, and the workspace's over them.
    pub(super) fn groups(&mut self, lists: Lists<'_>) -> BTreeMap<String, Arc<str>> {
        let mut groups: BTreeMap<String, Arc<str>> = SYSTEM_GROUPS
            .iter()
            .map(|(id, name)| ((*id).to_owned(), Arc::from(*name)))
            .collect();
        groups.extend(self.service.groups.clone());
        for group in lists.groups {
            let name = group.display_name.as_deref().unwrap_or(&group.id);
            groups.insert(group.id.value.clone(), Arc::from(name));
        }
        groups
    }

    /// The groups that references name. One that is not known keeps its id as its name.
    pub(super) fn members_of(
        &mut self,
        references: &[At<String>],
        known: &BTreeMap<String, Arc<str>>,
    ) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for reference in references {
            let id = id_of(reference, "groups");
            let name = known.get(id).cloned().unwrap_or_else(|| {
                let at = self.span(reference.place);
                self.diagnostics.push(
                    Diagnostic::warning("TG0411", at, format!("there is no group `{id}`"))
                        .label("its id is taken as its name")
                        .help("define it under `groups`"),
                );
                Arc::from(id)
            });
            if !groups.iter().any(|(other, _)| **other == *id) {
                groups.push((Arc::from(id), name));
            }
        }
        groups
    }

    pub(super) fn users(&mut self, model: &Configuration) -> Vec<UserDefinition> {
        self.once(model.groups.iter().map(|g| &g.id), "group");
        self.once(model.users.iter().map(|u| &u.id), "user");
        let groups = self.groups(model.lists());
        let users = model.users.iter();
        users.map(|user| self.user(user, &groups)).collect()
    }

    fn user(&mut self, user: &User, groups: &BTreeMap<String, Arc<str>>) -> UserDefinition {
        let registered = user.registration_date.as_ref();
        UserDefinition {
            id: Arc::from(user.id.as_str()),
            email: Arc::from(user.email.as_str()),
            first_name: Arc::from(user.first_name.as_str()),
            last_name: Arc::from(user.last_name.as_str()),
            note: Arc::from(user.note.as_str()),
            groups: self.members_of(&user.groups, groups),
            blocked: matches!(user.state, Some(UserState::Blocked | UserState::Deleted)),
            registered_millis: registered.map_or(0, |date| self.instant(date)),
            identities: user
                .identities
                .iter()
                .map(|i| (Arc::from(i.id.as_str()), Arc::from(i.provider.as_str())))
                .collect(),
        }
    }

    pub(super) fn loggers(&mut self, lists: Lists<'_>) -> Vec<LoggerDefinition> {
        self.once(lists.loggers.iter().map(|l| &l.id), "logger");
        let ids: BTreeSet<&str> = lists.loggers.iter().map(|l| l.id.as_str()).collect();
        let of_apis = lists.apis.iter().flat_map(|api| &api.diagnostics);
        for diagnostic in lists.diagnostics.iter().chain(of_apis) {
            if let Some(reference) = &diagnostic.logger_id {
                let id = id_of(reference, "loggers");
                self.known(reference, id, "logger", "loggers", &ids);
            }
            self.warning(
                diagnostic.id.place,
                format!("diagnostic `{}` has no effect", diagnostic.id.value),
                "`gateway.logs` and the management address say what is logged and counted",
            );
        }
        let mut loggers = Vec::new();
        for logger in lists.loggers {
            let mut credentials = BTreeMap::new();
            for (name, value) in &logger.credentials {
                // The rest says where, and is none.
                let secret = match &value.value {
                    Written::Literal(text) if !SECRET.contains(&name.as_str()) => {
                        Secret::new(self.expanded(text, value.place))
                    }
                    written => self.secret(written, value.place, name),
                };
                credentials.insert(Arc::from(name.as_str()), secret);
            }
            loggers.push(LoggerDefinition {
                span: Some(self.span(logger.id.place)),
                workspace: self.workspace.clone(),
                id: Arc::from(logger.id.as_str()),
                kind: match logger.logger_type {
                    LoggerType::AzureEventHub => LoggerKind::AzureEventHub,
                    LoggerType::ApplicationInsights => LoggerKind::ApplicationInsights,
                    LoggerType::AzureMonitor => LoggerKind::AzureMonitor,
                },
                credentials,
                is_buffered: logger.is_buffered.unwrap_or(true),
            });
        }
        loggers
    }
}
