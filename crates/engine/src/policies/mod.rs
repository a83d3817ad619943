//! One file per policy element.
//!
//! To add one: write `policies/<name>.rs` with a `DEF`, add its name to the list below (sorted), take the element off
//! `NOT_YET`, add a fixture `tests/policies/<element>.test`; "Add a policy" in ARCHITECTURE.md tells it in full. A test
//! fails when a file lacks its entry, its documentation or its fixture. `cargo fmt` does not see these files.
//! What must stay true: a policy does not know another policy's type; what they share is in the exchange.

use crate::compile::PolicyDef;

macro_rules! policies {
    ($($name:ident)*) => {
        $(pub mod $name;)*
        static ALL: &[&PolicyDef] = &[$(&$name::DEF),*];
    };
}

policies! {
    authentication_basic
    authentication_certificate
    authentication_managed_identity
    azure_openai_emit_token_metric
    azure_openai_semantic_cache_lookup
    azure_openai_semantic_cache_store
    azure_openai_token_limit
    base
    cache_lookup
    cache_lookup_value
    cache_remove_value
    cache_store
    cache_store_value
    cache_value
    check_header
    choose
    cors
    cosmosdb_data_source
    cross_domain
    emit_metric
    find_and_replace
    forward_request
    get_authorization_context
    http_data_source
    include_fragment
    invoke_dapr_binding
    invoke_request
    ip_filter
    json_to_xml
    jsonp
    limit_concurrency
    llm_content_safety
    llm_cost_preview
    llm_emit_token_metric
    llm_semantic_cache_lookup
    llm_semantic_cache_store
    llm_token_limit
    log_to_eventhub
    mock_response
    proxy
    publish_event
    publish_to_dapr
    quota
    quota_by_key
    rate_limit
    rate_limit_by_key
    redirect_content_urls
    retry
    return_response
    rewrite_uri
    send_one_way_request
    send_request
    send_service_bus_message
    set_backend_service
    set_body
    set_header
    set_method
    set_query_parameter
    set_status
    set_variable
    sql_data_source
    trace
    validate_azure_ad_token
    validate_client_certificate
    validate_content
    validate_graphql_request
    validate_headers
    validate_jwt
    validate_odata_request
    validate_parameters
    validate_status_code
    wait
    xml_to_json
    xsl_transform
}

/// API Management's policies that this version does not run: known, so that the message can say so.
pub const NOT_YET: &[&str] = &[];

/// All policies, sorted by module name.
pub fn all() -> &'static [&'static PolicyDef] {
    ALL
}

/// A policy by element name.
pub fn find(name: &str) -> Option<&'static PolicyDef> {
    ALL.iter().copied().find(|d| d.name == name)
}
