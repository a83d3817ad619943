//! Levels of `rate-limit` and `quota`: the document's own limit, and those of `<api>` and `<operation>` under it.
//!
//! What must stay true: each level has a counter of its own for each subscription, found again after a reload (keys are
//! made of ids, not of indexes).

use crate::compile::{Compile, ScopeKind};
use crate::exchange::Exchange;
use tollgate_lang::Diagnostic;
use tollgate_lang::document::Element;
use tollgate_lang::value::Str;

/// A limit and what it holds for.
#[derive(Debug)]
pub(crate) struct Level<T> {
    api: Option<Named>,
    operation: Option<Named>,
    pub(crate) limit: T,
}

/// `id` wins over `name`.
#[derive(Clone, Debug)]
enum Named {
    Id(Str),
    Name(Str),
}

impl Named {
    fn compile(element: &Element, cx: &mut Compile<'_>) -> Option<Named> {
        if let Some(id) = element.attribute("id") {
            return Some(Named::Id(id.value.text.clone()));
        }
        if let Some(name) = element.attribute("name") {
            return Some(Named::Name(name.value.text.clone()));
        }
        cx.report(
            Diagnostic::error(
                "TG0340",
                element.name_span,
                format!("`{}` needs `id` or `name`", element.name),
            )
            .label("says nothing of what it limits"),
        );
        None
    }

    fn is(&self, id: &str, name: &str) -> bool {
        match self {
            Named::Id(wanted) => &**wanted == id,
            Named::Name(wanted) => &**wanted == name,
        }
    }
}

/// The levels of an element, its own first. `limit` reads the numbers of one; `None` from it means there are none.
pub(crate) fn compile<T>(
    element: &Element,
    cx: &mut Compile<'_>,
    mut limit: impl FnMut(&Element, &mut Compile<'_>) -> Option<T>,
) -> Vec<Level<T>> {
    let mut levels = Vec::new();
    let mut push = |element: &Element, cx: &mut Compile<'_>, api, operation| {
        if let Some(limit) = limit(element, cx) {
            levels.push(Level {
                api,
                operation,
                limit,
            });
        }
    };
    push(element, cx, None, None);
    for api in element.elements().filter(|e| &*e.name == "api") {
        let Some(named) = Named::compile(api, cx) else {
            continue;
        };
        push(api, cx, Some(named.clone()), None);
        for operation in api.elements().filter(|e| &*e.name == "operation") {
            if let Some(operation_named) = Named::compile(operation, cx) {
                push(operation, cx, Some(named.clone()), Some(operation_named));
            }
        }
    }
    levels
}

impl<T> Level<T> {
    /// The key of the counter when the level holds for this request: it has a subscription, and the API and operation
    /// are those it names.
    pub(crate) fn key(&self, policy: &str, scope: ScopeKind, rq: &Exchange) -> Option<String> {
        let subscription = &rq.subscription()?.id;
        let none = Str::from("");
        let api = rq.api().map_or(&none, |a| &a.id);
        let operation = rq.operation().map_or(&none, |o| &o.id);
        if let Some(named) = &self.api
            && !named.is(api, rq.api().map_or("", |a| &a.display_name))
        {
            return None;
        }
        if let Some(named) = &self.operation
            && !named.is(operation, rq.operation().map_or("", |o| &o.display_name))
        {
            return None;
        }
        let product = rq.product().map_or(&none, |p| &p.id);
        let (broad, narrow) = match scope {
            ScopeKind::Global | ScopeKind::Workspace | ScopeKind::Resolver => (&none, &none),
            ScopeKind::Product => (product, &none),
            ScopeKind::Api => (api, &none),
            ScopeKind::Operation => (api, operation),
        };
        let (of_api, of_operation) = (
            self.api.as_ref().map_or("", |_| api),
            self.operation.as_ref().map_or("", |_| operation),
        );
        // A character that no id has keeps the parts apart.
        Some(format!(
            "{policy}\n{}\n{broad}\n{narrow}\n{subscription}\n{of_api}\n{of_operation}",
            scope.name()
        ))
        .map(|key| match rq.workspace() {
            // Its ids are its own.
            Some(workspace) => format!("{key}\n{}", workspace.id),
            None => key,
        })
    }
}
