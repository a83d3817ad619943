//! From resources of API Management to the tree of a `tollgate.yaml`.
//!
//! Used by `load` for an APIOps folder and by `import`. What must stay true: whatever is not carried over is noted; the
//! tree has no property that says what is the default anyway; no secret enters it that could come from the environment.

mod apis;
mod items;
mod names;

use super::tree::{mapping, text};
use super::{Note, Resource, prune, variable};
use crate::load::Environment;
use crate::yaml::{Key, Kind, Node, Place};
use names::{last, no_effect};
use std::collections::{BTreeMap, BTreeSet};

/// How resources are converted.
pub(crate) struct Manner<'a> {
    /// Where secrets that the resources do not hold come from.
    pub(crate) environment: &'a Environment,
    /// Whether a file is written from the tree: then secrets become references to the environment, whether they are
    /// set there now or not.
    pub(crate) import: bool,
    /// Whether a listener has TLS. Without one, an API for `https` is served on plain listeners, too: what ends TLS
    /// stands before the gateway.
    pub(crate) tls: bool,
    /// Whether secrets that are nowhere get something in their place: then what needs one is kept.
    pub(crate) stand_ins: bool,
}

/// What came of it.
pub(crate) struct Converted {
    /// The tree.
    pub(crate) root: Node,
    /// What did not carry over.
    pub(crate) notes: Vec<Note>,
}

/// Converts resources.
pub(crate) fn convert(mut resources: Vec<Resource>, manner: &Manner<'_>) -> Converted {
    // What is in something comes after it.
    resources.sort_by_key(|resource| resource.names.len());
    let known = |kind: &str| {
        let of_kind = resources.iter().filter(|r| r.kind == kind);
        of_kind.map(|r| r.name().to_owned()).collect()
    };
    let place = Place::default();
    let mut conversion = Conversion {
        manner,
        users: known("users"),
        root: mapping(place),
        workspaces: BTreeMap::new(),
        notes: Vec::new(),
        said: BTreeSet::new(),
        left_out: BTreeSet::new(),
        segment_sets: segment_sets(&resources),
    };
    for resource in resources {
        conversion.resource(resource);
    }
    conversion.finish()
}

/// Version sets whose version stands in the path: their workspace and name.
fn segment_sets(resources: &[Resource]) -> BTreeSet<(Option<String>, String)> {
    let sets = resources.iter().filter(|r| {
        let scheme = r.properties.property_text("versioningScheme");
        r.kind == "apiversionsets" && scheme.is_some_and(|s| s.eq_ignore_ascii_case("segment"))
    });
    sets.map(|r| (r.workspace.clone(), r.name().to_owned()))
        .collect()
}

struct Conversion<'a> {
    manner: &'a Manner<'a>,
    /// Ids of users.
    users: BTreeSet<String>,
    root: Node,
    workspaces: BTreeMap<String, Node>,
    notes: Vec<Note>,
    /// Notes that are said once.
    said: BTreeSet<&'static str>,
    /// APIs that are not served: their workspace and name.
    left_out: BTreeSet<(Option<String>, String)>,
    segment_sets: BTreeSet<(Option<String>, String)>,
}

impl Conversion<'_> {
    fn resource(&mut self, resource: Resource) {
        match resource.kind.as_str() {
            "policies" => self.policy_of_all(resource),
            "workspaces" => self.workspace(resource),
            "namedvalues" => self.named_value(resource),
            "policyfragments" => self.fragment(resource),
            "backends" => self.backend(resource),
            "loggers" => self.logger(resource),
            "apiversionsets" => self.version_set(resource),
            "apis" => self.api(resource),
            "apis/specification" => self.specification(resource),
            "apis/operations" => self.operation(resource),
            "apis/policies" | "products/policies" => self.policy(resource),
            "apis/operations/policies" => self.operation_policy(resource),
            "apis/tools" => self.tool(resource),
            "apis/resolvers" => self.resolver(resource),
            "apis/resolvers/policies" => self.resolver_policy(resource),
            "apis/schemas" => self.api_schema(resource),
            // Which revision is current is what the APIs themselves say.
            "apis/releases" | "apis/tagdescriptions" => {}
            "products" => self.product(resource),
            "products/apis" | "products/apilinks" => self.link(resource, "apis"),
            "products/groups" | "products/grouplinks" => self.link(resource, "groups"),
            "subscriptions" => self.subscription(resource),
            "groups" => self.group(resource),
            "groups/users" => self.group_user(resource),
            "users" => self.user(resource),
            "certificates" => self.certificate(resource),
            "schemas" => self.schema(resource),
            _ => {
                let why = no_effect(&resource);
                self.note(resource.place, why);
            }
        }
    }

    fn note(&mut self, place: Place, message: impl Into<String>) {
        self.notes.push(Note::new(place, message));
    }

    /// The same of something that may be so in many places, and is told of the first.
    fn note_once(&mut self, place: Place, message: &'static str) {
        if self.said.insert(message) {
            self.note(place, message);
        }
    }

    /// Where the items of a workspace, or of the service, go.
    fn home(&mut self, workspace: Option<&String>, place: Place) -> &mut Node {
        match workspace {
            None => &mut self.root,
            Some(id) => self.workspaces.entry(id.clone()).or_insert_with(|| {
                let mut node = mapping(place);
                node.set("id", text(id.clone(), place));
                node
            }),
        }
    }

    /// Adds an item to a list of its home.
    fn add(&mut self, workspace: Option<&String>, list: &str, item: Node) {
        let place = item.place;
        self.home(workspace, place).append(list, item);
    }

    /// The item of a list that has an id.
    fn find(&mut self, workspace: Option<&String>, list: &str, id: &str) -> Option<&mut Node> {
        let home = self.home(workspace, Place::default());
        let Kind::Mapping(entries) = &mut home.kind else {
            return None;
        };
        let (_, list) = entries.iter_mut().find(|(key, _)| key.text == list)?;
        let Kind::Sequence(items) = &mut list.kind else {
            return None;
        };
        items.iter_mut().find(|item| {
            item.property_text("id")
                .is_some_and(|own| own.eq_ignore_ascii_case(id))
        })
    }

    /// A resource as an item of a list: its id first, then the properties that the definition `of` knows.
    fn item(&mut self, resource: &mut Resource, of: &str, what: &str) -> Node {
        let mut item = mapping(resource.place);
        let name = resource.name().to_owned();
        item.set("id", text(name.clone(), resource.place));
        let mut properties = std::mem::replace(&mut resource.properties, mapping(resource.place));
        prune::prune(
            &mut properties,
            of,
            &format!("{what} `{name}`"),
            &mut self.notes,
        );
        if let Kind::Mapping(entries) = properties.kind {
            for (key, value) in entries {
                if !value.is_empty() && key.text != "id" {
                    push(&mut item, key, value);
                }
            }
        }
        item
    }

    /// A secret that may stand in the resource: a reference to the environment when it is set there, or when a file is
    /// written and the secret is more than the name of a named value.
    fn secret(&self, given: Option<&Node>, parts: &[&str], place: Place) -> Option<Node> {
        let name = variable(parts);
        let referenced = given
            .and_then(Node::text)
            .is_some_and(|t| t.starts_with("{{") && t.ends_with("}}"));
        let set = (self.manner.environment)(&name).is_some();
        if set || (self.manner.import && !referenced) {
            let mut reference = mapping(place);
            reference.set("env", text(name, place));
            return Some(reference);
        }
        given.map(Node::copy)
    }

    fn policy_of_all(&mut self, mut resource: Resource) {
        if let Some(policy) = self.policy_text(&mut resource, "the global policy") {
            let workspace = resource.workspace.clone();
            let home = self.home(workspace.as_ref(), resource.place);
            home.set("policy", policy);
        }
    }

    /// A policy resource's document.
    fn policy_text(&mut self, resource: &mut Resource, what: &str) -> Option<Node> {
        let format = resource.properties.property_text("format");
        if format.is_some_and(|f| f.ends_with("-link")) {
            self.note(
                resource.place,
                format!("{what} is a link: download the document and name its file under `policy`"),
            );
            return None;
        }
        resource.properties.take("value")
    }

    /// The policy of an API or a product.
    fn policy(&mut self, mut resource: Resource) {
        let (list, what) = match resource.kind.as_str() {
            "apis/policies" => ("apis", "API"),
            _ => ("products", "product"),
        };
        let owner = resource.outer().to_owned();
        let workspace = resource.workspace.clone();
        if self.left_out.contains(&(workspace.clone(), owner.clone())) {
            return;
        }
        let what = format!("the policy of {what} `{owner}`");
        let Some(policy) = self.policy_text(&mut resource, &what) else {
            return;
        };
        match self.find(workspace.as_ref(), list, &owner) {
            Some(item) => item.set("policy", policy),
            None => self.note(
                resource.place,
                format!("{what} has no effect: `{owner}` is not there"),
            ),
        }
    }

    fn finish(mut self) -> Converted {
        /// The order of a written file.
        const ORDER: [&str; 15] = [
            "namedValues",
            "policyFragments",
            "policy",
            "backends",
            "loggers",
            "versionSets",
            "apis",
            "products",
            "groups",
            "users",
            "subscriptions",
            "certificates",
            "schemas",
            "tags",
            "workspaces",
        ];
        self.named_schemas();
        let workspaces = std::mem::take(&mut self.workspaces);
        for (_, mut workspace) in workspaces {
            in_order(&mut workspace, &ORDER);
            self.root.append("workspaces", workspace);
        }
        in_order(&mut self.root, &ORDER);
        Converted {
            root: self.root,
            notes: self.notes,
        }
    }
}

fn in_order(node: &mut Node, order: &[&str]) {
    if let Kind::Mapping(entries) = &mut node.kind {
        // What is not a list (`id`, `displayName`) comes first.
        entries.sort_by_key(|(key, _)| {
            let at = order.iter().position(|name| *name == key.text);
            at.map_or(0, |at| at + 1)
        });
    }
}

fn push(item: &mut Node, key: Key, value: Node) {
    if let Kind::Mapping(entries) = &mut item.kind {
        entries.push((key, value));
    }
}

/// Replaces a reference by the name at its end.
fn shorten(item: &mut Node, property: &str) {
    if let Some(value) = item.property(property)
        && let Some(reference) = value.text()
    {
        let short = text(last(reference), value.place);
        item.set(property, short);
    }
}
