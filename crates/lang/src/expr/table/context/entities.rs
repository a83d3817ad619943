//! What `context` says of the configuration: API, operation, product, subscription, user, deployment, the last error.

use super::super::{Row, m};
use super::{Part, date, field, maybe, part, url_record};
use crate::expr::eval::{Args, Cx, R};
use crate::expr::host::{ApiParts, Entity, Field, ListOf, UrlOf};
use crate::expr::types::Ty;
use crate::value::{Object, Str, Value};
use std::any::Any;
use std::rc::Rc;

/// A named record: group, identity.
#[derive(Debug)]
struct Named {
    class: &'static str,
    id: Str,
    name: Str,
}

impl Object for Named {
    fn ty(&self) -> Ty {
        Ty::class(self.class)
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    // The same record is the same object, however often it is asked for.
    fn is_single(&self) -> bool {
        true
    }
    fn hash_text(&self) -> Option<String> {
        Some(format!("{} {} {}", self.class, self.id, self.name))
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Named>();
        other.is_some_and(|o| o.class == self.class && o.id == self.id && o.name == self.name)
    }
}

fn named(cx: &mut Cx<'_>, list: ListOf, class: &'static str) -> R {
    let all = cx
        .host
        .list(list)
        .into_iter()
        .map(|(id, name)| Value::Object(Rc::new(Named { class, id, name }) as Rc<dyn Object>))
        .collect();
    cx.sequence(Ty::class(class), all)
}

/// An API of a product; the called one is the host's.
#[derive(Debug)]
struct Api(ApiParts);

impl Object for Api {
    fn ty(&self) -> Ty {
        Ty::class("IApi")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn is_single(&self) -> bool {
        true
    }
    fn hash_text(&self) -> Option<String> {
        Some(self.0.id.to_string())
    }
    fn equals(&self, other: &dyn Object) -> bool {
        let other = other.as_any().downcast_ref::<Api>();
        other.is_some_and(|o| o.0.id == self.0.id)
    }
}

fn record<'a>(a: &'a Args<'_>) -> Option<&'a ApiParts> {
    a.object::<Api>(0).ok().map(|api| &api.0)
}

fn api_field(cx: &Cx<'_>, a: &Args<'_>, f: Field, of: fn(&ApiParts) -> &Str) -> R {
    match record(a) {
        Some(api) => Ok(Value::Str(of(api).clone())),
        None => field(cx, f),
    }
}

/// Names of the parameters that carry a key.
#[derive(Debug)]
struct KeyNames {
    header: Value,
    query: Value,
}

impl Object for KeyNames {
    fn ty(&self) -> Ty {
        Ty::class("ISubscriptionKeyParameterNames")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

pub(super) const KEY_NAMES: &[Row] = &[
    m("string Header", |_, a| {
        Ok(a.object::<KeyNames>(0)?.header.clone())
    }),
    m("string Query", |_, a| {
        Ok(a.object::<KeyNames>(0)?.query.clone())
    }),
];

pub(super) const API: &[Row] = &[
    m("string Id", |cx, a| {
        api_field(cx, a, Field::ApiId, |api| &api.id)
    }),
    m("string Name", |cx, a| {
        api_field(cx, a, Field::ApiName, |api| &api.name)
    }),
    m("string Path", |cx, a| {
        api_field(cx, a, Field::ApiPath, |api| &api.path)
    }),
    m("IEnumerable<string> Protocols", |cx, a| {
        let all = match record(a) {
            Some(api) => api.protocols.clone(),
            None => {
                let all = cx.host.list(ListOf::ApiProtocols);
                all.into_iter().map(|(p, _)| p).collect()
            }
        };
        let all = all.into_iter().map(Value::Str).collect();
        cx.sequence(Ty::String, all)
    }),
    m("IUrl ServiceUrl", |cx, a| match record(a) {
        Some(api) => Ok(api.service_url.clone().map_or(Value::Null, url_record)),
        None => maybe(cx, Entity::ApiServiceUrl, Part::Url(UrlOf::ApiService)),
    }),
    m(
        "ISubscriptionKeyParameterNames SubscriptionKeyParameterNames",
        |cx, a| {
            let (header, query) = match record(a) {
                Some(api) => (
                    Value::Str(api.key_header.clone()),
                    Value::Str(api.key_query.clone()),
                ),
                None => (
                    cx.host.field(Field::ApiKeyHeader).into_value(),
                    cx.host.field(Field::ApiKeyQuery).into_value(),
                ),
            };
            Ok(Value::Object(Rc::new(KeyNames { header, query })))
        },
    ),
    m("IWorkspace Workspace", |cx, _| {
        maybe(cx, Entity::Workspace, Part::Workspace)
    }),
];

pub(super) const CONTEXT_API: &[Row] = &[
    m("bool IsCurrentRevision", |cx, _| {
        field(cx, Field::ApiIsCurrentRevision)
    }),
    m("string Revision", |cx, _| field(cx, Field::ApiRevision)),
    m("string Version", |cx, _| field(cx, Field::ApiVersion)),
];

pub(super) const OPERATION: &[Row] = &[
    m("string Id", |cx, _| field(cx, Field::OperationId)),
    m("string Method", |cx, _| field(cx, Field::OperationMethod)),
    m("string Name", |cx, _| field(cx, Field::OperationName)),
    m("string UrlTemplate", |cx, _| {
        field(cx, Field::OperationUrlTemplate)
    }),
];

pub(super) const PRODUCT: &[Row] = &[
    m("IEnumerable<IApi> Apis", |cx, _| {
        let all: Vec<Value> = cx
            .host
            .product_apis()
            .into_iter()
            .map(|api| Value::Object(Rc::new(Api(api)) as Rc<dyn Object>))
            .collect();
        cx.charge(all.len().saturating_mul(256))?;
        cx.sequence(Ty::class("IApi"), all)
    }),
    m("bool ApprovalRequired", |cx, _| {
        field(cx, Field::ProductApprovalRequired)
    }),
    m("IEnumerable<IGroup> Groups", |cx, _| {
        named(cx, ListOf::ProductGroups, "IGroup")
    }),
    m("string Id", |cx, _| field(cx, Field::ProductId)),
    m("string Name", |cx, _| field(cx, Field::ProductName)),
    m("ProductState State", |cx, _| {
        let published = matches!(
            cx.host.field(Field::ProductState).as_str(),
            Some("Published" | "published")
        );
        Ok(Value::Enum(
            &super::super::enums::PRODUCT_STATE,
            i64::from(published),
        ))
    }),
    m("int? SubscriptionLimit", |cx, _| {
        field(cx, Field::ProductSubscriptionLimit)
    }),
    m("bool SubscriptionRequired", |cx, _| {
        field(cx, Field::ProductSubscriptionRequired)
    }),
    m("IWorkspace Workspace", |cx, _| {
        maybe(cx, Entity::Workspace, Part::Workspace)
    }),
];

pub(super) const SUBSCRIPTION: &[Row] = &[
    m("DateTime CreatedDate", |cx, _| {
        date(cx, Field::SubscriptionCreatedDate)
    }),
    m("DateTime CreatedTime", |cx, _| {
        date(cx, Field::SubscriptionCreatedDate)
    }),
    m("DateTime? EndDate", |cx, _| {
        date(cx, Field::SubscriptionEndDate)
    }),
    m("string Id", |cx, _| field(cx, Field::SubscriptionId)),
    m("string Key", |cx, _| field(cx, Field::SubscriptionKey)),
    m("string Name", |cx, _| field(cx, Field::SubscriptionName)),
    m("string PrimaryKey", |cx, _| {
        field(cx, Field::SubscriptionPrimaryKey)
    }),
    m("string SecondaryKey", |cx, _| {
        field(cx, Field::SubscriptionSecondaryKey)
    }),
    m("DateTime? StartDate", |cx, _| {
        date(cx, Field::SubscriptionStartDate)
    }),
];

pub(super) const USER: &[Row] = &[
    m("string Email", |cx, _| field(cx, Field::UserEmail)),
    m("string FirstName", |cx, _| field(cx, Field::UserFirstName)),
    m("IEnumerable<IGroup> Groups", |cx, _| {
        named(cx, ListOf::UserGroups, "IGroup")
    }),
    m("string Id", |cx, _| field(cx, Field::UserId)),
    m("IEnumerable<IUserIdentity> Identities", |cx, _| {
        named(cx, ListOf::UserIdentities, "IUserIdentity")
    }),
    m("string LastName", |cx, _| field(cx, Field::UserLastName)),
    m("string Note", |cx, _| field(cx, Field::UserNote)),
    m("DateTime RegistrationDate", |cx, _| {
        date(cx, Field::UserRegistrationDate)
    }),
];

pub(super) const LAST_ERROR: &[Row] = &[
    m("string Source", |cx, _| field(cx, Field::LastErrorSource)),
    m("string Reason", |cx, _| field(cx, Field::LastErrorReason)),
    m("string Message", |cx, _| field(cx, Field::LastErrorMessage)),
    m("string Scope", |cx, _| field(cx, Field::LastErrorScope)),
    m("string Section", |cx, _| field(cx, Field::LastErrorSection)),
    m("string Path", |cx, _| field(cx, Field::LastErrorPath)),
    m("string PolicyId", |cx, _| {
        field(cx, Field::LastErrorPolicyId)
    }),
    m("int HttpErrorCode", |cx, _| {
        field(cx, Field::LastErrorHttpErrorCode)
    }),
];

pub(super) const DEPLOYMENT: &[Row] = &[
    m(
        "IReadOnlyDictionary<string, X509Certificate2> Certificates",
        |_, _| part(Part::Certificates),
    ),
    m("IGateway Gateway", |_, _| part(Part::Gateway)),
    m("string GatewayId", |cx, _| {
        field(cx, Field::DeploymentGatewayId)
    }),
    m("string Region", |cx, _| field(cx, Field::DeploymentRegion)),
    m("ISustainabilityInfo SustainabilityInfo", |_, _| {
        Ok(Value::Object(Rc::new(NoSustainability)))
    }),
    m("string ServiceId", |cx, _| {
        field(cx, Field::DeploymentServiceId)
    }),
    m("string ServiceName", |cx, _| {
        field(cx, Field::DeploymentServiceName)
    }),
];

pub(super) const GATEWAY: &[Row] = &[
    m("string Id", |cx, _| field(cx, Field::DeploymentGatewayId)),
    m("string InstanceId", |cx, _| {
        field(cx, Field::DeploymentInstanceId)
    }),
    m("bool IsManaged", |cx, _| {
        field(cx, Field::DeploymentIsManaged)
    }),
];

pub(super) const GROUP: &[Row] = &[
    m("string Id", |_, a| {
        Ok(Value::Str(a.object::<Named>(0)?.id.clone()))
    }),
    m("string Name", |_, a| {
        Ok(Value::Str(a.object::<Named>(0)?.name.clone()))
    }),
];

pub(super) const IDENTITY: &[Row] = &[
    m("string Id", |_, a| {
        Ok(Value::Str(a.object::<Named>(0)?.id.clone()))
    }),
    m("string Provider", |_, a| {
        Ok(Value::Str(a.object::<Named>(0)?.name.clone()))
    }),
];

pub(super) const WORKSPACE: &[Row] = &[
    m("string Id", |cx, _| field(cx, Field::WorkspaceId)),
    m("string Name", |cx, _| field(cx, Field::WorkspaceName)),
];

/// The gateway does not know what its power comes from.
#[derive(Debug)]
struct NoSustainability;

impl Object for NoSustainability {
    fn ty(&self) -> Ty {
        Ty::class("ISustainabilityInfo")
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

pub(super) const SUSTAINABILITY: &[Row] = &[m("CarbonIntensity CurrentCarbonIntensity", |_, _| {
    Ok(Value::Enum(&super::super::enums::CARBON_INTENSITY, 0))
})];
