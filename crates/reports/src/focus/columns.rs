//! The columns of FOCUS 1.2's Cost and Usage dataset, with what each says of a row.
//!
//! All of the specification's columns are there, those that never apply to a gateway's calls as null, so that rules on
//! columns that depend on others can be checked. What must stay true: our own columns begin with `x_` and stand last;
//! times are UTC and end with `Z`; a null is an empty field.

use super::{
    ADJUSTMENT, Account, COMMITTED, CORRECTION, Line, PURCHASE, UNPRICED, UNUSED, instant,
};
use crate::dimension::Dimension;
use crate::entry::money;
use crate::table::guarded;
use jiff::ToSpan;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;
use serde_json::{Map, Value, json};
use tollgate_llm::usage::Class;

/// A row before it is written: what the key and the sums say.
struct Row<'a> {
    account: &'a Account,
    zone: &'a TimeZone,
    key: &'a [String],
    line: &'a Line,
    by: &'a [&'a Dimension],
    day: Option<Date>,
    class: Option<Class>,
}

type Column = (&'static str, fn(&Row<'_>) -> String);

/// The specification's columns, in the order of their names.
const COLUMNS: [Column; 57] = [
    ("AvailabilityZone", null),
    ("BilledCost", |r| match r.kind() {
        // It was billed with the hours of its capacity.
        COMMITTED | UNUSED => String::from("0.0"),
        _ => r.cost(),
    }),
    ("BillingAccountId", |r| guarded(&r.account.billing_account)),
    ("BillingAccountName", |r| {
        guarded(&r.account.billing_account)
    }),
    ("BillingAccountType", |_| String::from("Gateway")),
    ("BillingCurrency", |r| r.account.currency.clone()),
    ("BillingPeriodEnd", |r| {
        let month = r
            .billed()
            .and_then(|month| month.checked_add(1.month()).ok());
        instant(month, r.zone)
    }),
    ("BillingPeriodStart", |r| instant(r.billed(), r.zone)),
    ("CapacityReservationId", null),
    ("CapacityReservationStatus", null),
    ("ChargeCategory", |r| {
        String::from(match r.kind() {
            ADJUSTMENT => "Adjustment",
            PURCHASE => "Purchase",
            _ => "Usage",
        })
    }),
    ("ChargeClass", |r| {
        String::from(if r.kind() == CORRECTION {
            "Correction"
        } else {
            ""
        })
    }),
    ("ChargeDescription", |r| guarded(&r.description())),
    ("ChargeFrequency", |r| {
        String::from(match r.kind() {
            ADJUSTMENT | CORRECTION => "One-Time",
            PURCHASE => "Recurring",
            _ => "Usage-Based",
        })
    }),
    ("ChargePeriodEnd", |r| {
        instant(r.day.and_then(|day| day.tomorrow().ok()), r.zone)
    }),
    ("ChargePeriodStart", |r| instant(r.day, r.zone)),
    ("CommitmentDiscountCategory", |r| r.commitment("Usage")),
    ("CommitmentDiscountId", |r| guarded(r.commitment_id())),
    ("CommitmentDiscountName", |r| guarded(r.commitment_id())),
    ("CommitmentDiscountQuantity", |r| r.hours()),
    ("CommitmentDiscountStatus", |r| {
        String::from(match r.kind() {
            COMMITTED => "Used",
            UNUSED => "Unused",
            _ => "",
        })
    }),
    ("CommitmentDiscountType", |r| {
        r.commitment("Provisioned Throughput")
    }),
    ("CommitmentDiscountUnit", |r| r.commitment("Hours")),
    ("ConsumedQuantity", |r| match r.kind() {
        ADJUSTMENT | PURCHASE | UNUSED => String::new(),
        _ => r.quantity(),
    }),
    ("ConsumedUnit", |r| match r.kind() {
        ADJUSTMENT | PURCHASE | UNUSED => String::new(),
        _ => r.unit(),
    }),
    ("ContractedCost", |r| r.cost()),
    ("ContractedUnitPrice", |r| r.unit_price()),
    ("EffectiveCost", |r| r.effective()),
    ("InvoiceId", null),
    ("InvoiceIssuerName", |r| r.provider().0),
    ("ListCost", |r| r.cost()),
    ("ListUnitPrice", |r| r.unit_price()),
    ("PricingCategory", |r| {
        String::from(match r.kind() {
            UNPRICED => "Other",
            ADJUSTMENT | CORRECTION => "",
            COMMITTED | UNUSED => "Committed",
            _ => "Standard",
        })
    }),
    ("PricingCurrency", |r| r.account.currency.clone()),
    ("PricingCurrencyContractedUnitPrice", |r| r.unit_price()),
    ("PricingCurrencyEffectiveCost", |r| r.effective()),
    ("PricingCurrencyListUnitPrice", |r| r.unit_price()),
    ("PricingQuantity", |r| match r.kind() {
        PURCHASE | UNUSED => r.hours(),
        _ => r.usage(|r| r.quantity()),
    }),
    ("PricingUnit", |r| r.usage(|r| r.unit())),
    ("ProviderName", |r| r.provider().0),
    ("PublisherName", |r| r.provider().0),
    ("RegionId", |r| guarded(r.region())),
    ("RegionName", |r| guarded(r.region())),
    ("ResourceId", |r| guarded(r.deployment())),
    ("ResourceName", |r| guarded(r.deployment())),
    ("ResourceType", |r| {
        String::from(if r.deployment().is_empty() {
            ""
        } else {
            "Model deployment"
        })
    }),
    ("ServiceCategory", |_| {
        String::from("AI and Machine Learning")
    }),
    ("ServiceName", |r| r.provider().1),
    ("ServiceSubcategory", |_| String::from("Generative AI")),
    ("SkuId", |r| r.usage(|r| r.sku())),
    ("SkuMeter", |r| {
        r.usage(|r| match r.kind() {
            PURCHASE | UNUSED => String::from("Provisioned Throughput"),
            _ => title(r.class_name()) + " Tokens",
        })
    }),
    ("SkuPriceDetails", |r| {
        r.usage(|r| json!({ "x_TokenClass": r.class_name(), "x_Tier": r.tier() }).to_string())
    }),
    ("SkuPriceId", |r| {
        r.usage(|r| {
            format!(
                "{}/{}/{}@{}",
                r.sku(),
                r.tier(),
                r.class_name(),
                r.unit_price()
            )
        })
    }),
    ("SubAccountId", |r| guarded(r.team())),
    ("SubAccountName", |r| guarded(r.team())),
    ("SubAccountType", |r| {
        String::from(if r.team().is_empty() { "" } else { "Team" })
    }),
    ("Tags", |r| r.tags()),
];

/// Our own columns before those of the grouping's dimensions.
const OURS: [Column; 9] = [
    ("x_CallCount", |r| r.line.calls.to_string()),
    ("x_EstimatedQuantity", |r| {
        decimal(Decimal::from(r.line.estimated))
    }),
    ("x_Model", |r| guarded(r.model())),
    ("x_PriceVersion", |r| guarded(&r.key[10])),
    ("x_Provider", |r| guarded(&r.key[5])),
    ("x_Tier", |r| guarded(r.tier())),
    ("x_TokenClass", |r| String::from(r.class_name())),
    ("x_TokenQuantity", |r| match r.class {
        Some(class) if !class.is_tokens() => String::new(),
        _ if matches!(r.kind(), PURCHASE | UNUSED) => String::new(),
        _ => r.quantity(),
    }),
    ("x_Unpriced", |r| (r.kind() == UNPRICED).to_string()),
];

fn null(_: &Row<'_>) -> String {
    String::new()
}

/// The head.
pub(super) fn head<'a>(by: &'a [&Dimension]) -> impl Iterator<Item = String> + 'a {
    let fixed = COLUMNS
        .iter()
        .chain(&OURS)
        .map(|(name, _)| (*name).to_owned());
    fixed.chain(
        by.iter()
            .map(|dimension| format!("x_{}", pascal(&dimension.to_string()))),
    )
}

/// The fields of a row; `key` as `Focus::line` makes it.
pub(super) fn row(
    account: &Account,
    zone: &TimeZone,
    by: &[&Dimension],
    key: &[String],
    line: &Line,
) -> Vec<String> {
    let class = |name: &String| Class::ALL.into_iter().find(|class| class.name() == name);
    let row = Row {
        account,
        zone,
        key,
        line,
        by,
        day: key[0].parse().ok(),
        class: class(&key[2]),
    };
    let fixed = COLUMNS.iter().chain(&OURS).map(|(_, value)| value(&row));
    fixed
        .chain(row.extra().iter().map(|value| guarded(value)))
        .collect()
}

impl Row<'_> {
    fn kind(&self) -> &str {
        &self.key[1]
    }

    fn is_adjustment(&self) -> bool {
        matches!(self.kind(), ADJUSTMENT | CORRECTION)
    }

    fn billed(&self) -> Option<Date> {
        self.key[4].parse().ok()
    }

    fn model(&self) -> &str {
        &self.key[6]
    }

    fn region(&self) -> &str {
        &self.key[7]
    }

    fn tier(&self) -> &str {
        match &*self.key[8] {
            "" => "standard",
            tier => tier,
        }
    }

    fn deployment(&self) -> &str {
        &self.key[9]
    }

    fn team(&self) -> &str {
        &self.key[11]
    }

    /// The capacity that was paid for by the hour; empty for what was not made on such.
    fn commitment_id(&self) -> &str {
        &self.key[12]
    }

    /// A column of commitments, which other charges do not have.
    fn commitment(&self, value: &str) -> String {
        String::from(if self.commitment_id().is_empty() {
            ""
        } else {
            value
        })
    }

    /// Hours of capacity: those that were paid for, else so many as the cost is of.
    fn hours(&self) -> String {
        let Ok(hour) = self.key[13].parse::<i128>() else {
            return String::new();
        };
        if self.kind() == PURCHASE {
            return self.quantity();
        }
        let hours = money(self.line.cost).checked_div(money(hour));
        decimal(hours.unwrap_or_default())
    }

    /// The cost of what was used: the hours themselves are charged to those who used them.
    fn effective(&self) -> String {
        match self.kind() {
            PURCHASE => String::from("0.0"),
            _ => self.cost(),
        }
    }

    fn extra(&self) -> &[String] {
        self.key.get(14..).unwrap_or_default()
    }

    fn class_name(&self) -> &'static str {
        self.class.map_or("all", Class::name)
    }

    /// A column of usage, which an adjustment does not have.
    fn usage(&self, value: impl Fn(&Self) -> String) -> String {
        if self.is_adjustment() {
            return String::new();
        }
        value(self)
    }

    fn cost(&self) -> String {
        decimal(money(self.line.cost))
    }

    fn quantity(&self) -> String {
        decimal(Decimal::try_from_i128_with_scale(self.line.quantity, 0).unwrap_or(Decimal::MAX))
    }

    /// The class's price of one; where the charge was not split, what one token came to.
    fn unit_price(&self) -> String {
        self.usage(|r| {
            decimal(match r.key[3].parse::<i128>() {
                Ok(unit) => money(unit),
                Err(_) => {
                    let quantity = Decimal::try_from_i128_with_scale(r.line.quantity, 0);
                    let unit = quantity.map(|q| money(r.line.cost).checked_div(q));
                    unit.ok().flatten().unwrap_or_default()
                }
            })
        })
    }

    fn unit(&self) -> String {
        String::from(match self.class {
            Some(class) if !class.is_tokens() => "Searches",
            _ if matches!(self.kind(), PURCHASE | UNUSED) => "Hours",
            _ => "Tokens",
        })
    }

    fn sku(&self) -> String {
        guarded(&format!("{}/{}", self.key[5], self.model()))
    }

    /// The names of who provides, and of the service.
    fn provider(&self) -> (String, String) {
        let (provider, service) = match &*self.key[5] {
            "openai" => ("OpenAI", "OpenAI API"),
            "azure.ai.openai" => ("Microsoft", "Azure OpenAI Service"),
            "azure.ai.inference" => ("Microsoft", "Azure AI Foundry"),
            "anthropic" => ("Anthropic", "Claude API"),
            "aws.bedrock" => ("AWS", "Amazon Bedrock"),
            "gcp.gemini" => ("Google Cloud", "Gemini API"),
            "gcp.vertex_ai" => ("Google Cloud", "Vertex AI"),
            // The gateway is who provides what it does not know the provider of.
            "" => ("Tollgate", "Tollgate"),
            other => (other, other),
        };
        (guarded(provider), guarded(service))
    }

    fn description(&self) -> String {
        let model = match self.model() {
            "" => "unknown model",
            model => model,
        };
        match self.kind() {
            ADJUSTMENT | CORRECTION => format!("Correction of {model} from the provider's export"),
            PURCHASE => format!("Provisioned throughput of {model}, by the hour"),
            UNUSED => format!("Provisioned throughput of {model} that nobody used"),
            UNPRICED => format!("{} of {model}: no price is known", self.what()),
            _ => format!("{} of {model} ({})", self.what(), self.tier()),
        }
    }

    fn what(&self) -> String {
        match self.class {
            Some(Class::WebSearch) => String::from("Web searches"),
            Some(Class::FileSearch) => String::from("File searches"),
            Some(class) => title(class.name()) + " tokens",
            None => String::from("Tokens of all classes"),
        }
    }

    /// Tags of the grouping, as JSON; null when it has none.
    fn tags(&self) -> String {
        let mut tags = Map::new();
        for (dimension, value) in self.by.iter().zip(self.extra()) {
            if let Dimension::Tag(name) = dimension
                && !value.is_empty()
            {
                tags.insert(name.clone(), Value::String(value.clone()));
            }
        }
        if tags.is_empty() {
            return String::new();
        }
        Value::Object(tags).to_string()
    }
}

/// With a point, so that a column of whole numbers is still one of decimals.
fn decimal(n: Decimal) -> String {
    let n = n.normalize();
    if n.scale() == 0 {
        format!("{n}.0")
    } else {
        n.to_string()
    }
}

/// `cached_input` as `Cached Input`.
fn title(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let mut chars = word.chars();
        let first = chars.next().map(|c| c.to_ascii_uppercase());
        first.into_iter().chain(chars).collect::<String>()
    });
    words.collect::<Vec<_>>().join(" ")
}

/// `requested-model` as `RequestedModel`: letters and digits of ASCII only.
fn pascal(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric());
    words.map(title).collect()
}
