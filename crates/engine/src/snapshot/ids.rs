//! What ids mean: in the service, and in each workspace over it.
//!
//! Used while a snapshot is built. What must stay true: an id stands for one thing in its space; the revisions of an
//! API share its id, path and version, and exactly one of them is what subscriptions and products name.

use super::{BackendIndex, fault};
use crate::client_certificate::ClientCertificates;
use crate::definition::{ApiDefinition, BackendDefinition, Definition, WorkspaceDefinition};
use std::collections::HashMap;
use std::sync::Arc;
use tollgate_lang::Diagnostics;
use tollgate_lang::value::Str;

/// The service, which is space 0, and the workspaces behind it.
pub(super) struct Spaces {
    ids: HashMap<Arc<str>, u32>,
    count: usize,
}

impl Spaces {
    pub(super) fn new(workspaces: &[WorkspaceDefinition], diagnostics: &mut Diagnostics) -> Spaces {
        let mut spaces = HashMap::new();
        for (at, workspace) in (0u32..).zip(workspaces) {
            if spaces.insert(workspace.id.clone(), at).is_some() {
                fault(
                    diagnostics,
                    workspace.span,
                    format!("workspace `{}` is defined twice", workspace.id),
                    "rename or remove one of them",
                );
            }
        }
        Spaces {
            ids: spaces,
            count: workspaces.len() + 1,
        }
    }

    /// Index of a workspace.
    pub(super) fn index(&self, workspace: Option<&Arc<str>>) -> Option<u32> {
        self.ids.get(workspace?).copied()
    }

    /// Position of its names in what has one entry for each space.
    pub(super) fn at(&self, workspace: Option<&Arc<str>>) -> usize {
        self.index(workspace).map_or(0, |at| at as usize + 1)
    }

    /// An empty map for each space.
    pub(super) fn maps<T: Clone>(&self) -> Vec<HashMap<Str, T>> {
        vec![HashMap::new(); self.count]
    }

    /// What backend ids mean: a workspace sees the service's behind its own.
    pub(super) fn backends(
        &self,
        backends: &[BackendDefinition],
        diagnostics: &mut Diagnostics,
    ) -> Vec<HashMap<Str, BackendIndex>> {
        let mut maps = self.maps();
        for (at, backend) in (0u32..).zip(backends) {
            let own = &mut maps[self.at(backend.workspace.as_ref())];
            if own.insert(backend.id.clone(), BackendIndex(at)).is_some() {
                fault(
                    diagnostics,
                    backend.span,
                    format!("backend `{}` is defined twice", backend.id),
                    "rename or remove one of them",
                );
            }
        }
        let (service, workspaces) = maps.split_at_mut(1);
        for own in workspaces {
            for (id, index) in &service[0] {
                own.entry(id.clone()).or_insert(*index);
            }
        }
        maps
    }

    /// What certificates' ids mean: a workspace sees the service's behind its own.
    pub(super) fn certificates(&self, definition: &Definition) -> Vec<ClientCertificates> {
        let owners = definition.workspaces.iter().map(|w| Some(&w.id));
        let mut all: Vec<ClientCertificates> = Vec::with_capacity(self.count);
        for owner in std::iter::once(None).chain(owners) {
            let own = definition.certificates.iter();
            let own = own.filter(|c| c.workspace.as_ref() == owner);
            all.push(ClientCertificates::new(own, all.first()));
        }
        all
    }

    /// What API ids mean, and for each API the index of the revision that its id means.
    pub(super) fn apis(
        &self,
        apis: &[ApiDefinition],
        diagnostics: &mut Diagnostics,
    ) -> (Vec<HashMap<Str, u32>>, Vec<u32>) {
        let mut maps: Vec<HashMap<Str, u32>> = self.maps();
        let mut revisions: Vec<HashMap<(Str, Str), u32>> = vec![HashMap::new(); maps.len()];
        for (at, api) in (0u32..).zip(apis) {
            let space = self.at(api.workspace.as_ref());
            let revision = (api.id.clone(), api.revision.clone());
            let twice = revisions[space].insert(revision, at).is_some();
            let Some(&other) = maps[space].get(&api.id) else {
                maps[space].insert(api.id.clone(), at);
                continue;
            };
            let other = &apis[other as usize];
            let why = if twice {
                Some((
                    format!("API `{}` is defined twice", api.id),
                    "rename or remove one of them, or give them different revisions (`apiRevision`)",
                ))
            } else if api.is_current && other.is_current {
                Some((
                    format!("two revisions of API `{}` are current", api.id),
                    "set `isCurrent: false` for all but one of them",
                ))
            } else if !other.path.eq_ignore_ascii_case(&api.path) || version(other) != version(api)
            {
                Some((
                    format!("revisions of API `{}` differ in path or version", api.id),
                    "revisions of an API are one API: give another id to what is another one",
                ))
            } else {
                None
            };
            if let Some((message, help)) = why {
                fault(diagnostics, api.span, message, help);
            }
            if api.is_current {
                maps[space].insert(api.id.clone(), at);
            }
        }
        let roots = (0u32..).zip(apis).map(|(at, api)| {
            let ids = &maps[self.at(api.workspace.as_ref())];
            ids.get(&api.id).copied().unwrap_or(at)
        });
        let roots = roots.collect();
        (maps, roots)
    }
}

fn version(api: &ApiDefinition) -> Option<(&str, Option<&str>)> {
    let version = api.version.as_ref()?;
    Some((&version.set, version.version.as_deref()))
}
