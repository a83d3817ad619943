//! `configuration.{environment}.yaml` of the APIOps publisher: what an environment says over the folder.
//!
//! Sections are lists of resources by name, each with `properties` that are merged into the resource's, and with
//! sections of its own. What must stay true: a name that the folder does not have is noted.

use super::apiops::Folder;
use super::{Note, Resource};
use crate::yaml::{Kind, Node};

/// Settings of the tools that are no resources.
const SETTINGS: [&str; 4] = [
    "apimServiceName",
    "subscriptionId",
    "resourceGroupName",
    "apiSpecificationFormat",
];

/// Puts the overrides over the folder's resources.
pub(super) fn apply(tree: &Node, folder: &mut Folder) {
    section(tree, None, "", &[], folder);
}

fn section(
    node: &Node,
    workspace: Option<&str>,
    kind: &str,
    names: &[String],
    folder: &mut Folder,
) {
    for (key, value) in node.entries() {
        let plain = key.text.replace(' ', "").to_ascii_lowercase();
        let listed = matches!(value.kind, Kind::Sequence(_));
        if !listed || SETTINGS.contains(&&*key.text) {
            let own = matches!(&*plain, "name" | "properties");
            let of_all = names.is_empty() && workspace.is_none();
            if !SETTINGS.contains(&&*key.text) && (!own || of_all) {
                let why = format!("override `{}` has no effect", key.text);
                folder.notes.push(Note::new(key.place, why));
            }
            continue;
        }
        let plain = match &*plain {
            "versionsets" => "apiversionsets",
            "servicepolicies" => "policies",
            other => other,
        };
        for item in value.items() {
            let Some(name) = item.property_text("name") else {
                continue;
            };
            if plain == "workspaces" && workspace.is_none() {
                section(item, Some(name), "", &[], folder);
                continue;
            }
            let kind = match kind {
                "" => plain.to_owned(),
                outer => format!("{outer}/{plain}"),
            };
            let mut names = names.to_vec();
            names.push(name.to_owned());
            resource(item, workspace, &kind, &names, folder);
            section(item, workspace, &kind, &names, folder);
        }
    }
}

fn resource(
    item: &Node,
    workspace: Option<&str>,
    kind: &str,
    names: &[String],
    folder: &mut Folder,
) {
    let same = |r: &&mut Resource| {
        r.kind == kind
            && r.workspace.as_deref() == workspace
            && r.names.len() == names.len()
            && r.names
                .iter()
                .zip(names)
                .all(|(a, b)| a.eq_ignore_ascii_case(b))
    };
    let Some(properties) = item.property("properties") else {
        return;
    };
    match folder.resources.iter_mut().find(same) {
        Some(found) => found.properties.merge(properties),
        None => {
            let why = format!(
                "override of `{}` ({kind}) has no effect: the folder does not have it",
                names.join("/")
            );
            folder.notes.push(Note::new(item.place, why));
        }
    }
}
