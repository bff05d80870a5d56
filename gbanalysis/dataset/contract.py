"""The data contract as one registry: reader, validator, dictionary and simulated market all read it.

Each table is a block: ``name (key): meaning``, then a column a line: ``name kind marks: meaning``. The marks: ``?`` the
column may be absent, ``~`` a value may be null, ``->table`` a foreign key, ``>0``, ``>=0`` and ``<=1`` the range,
``{a|b}`` the values allowed, ``[unit]`` the unit.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType

from gbanalysis.dataset.schema import Column, Kind, NotBefore, Table

STAGES = ("supplier", "shared_warehouse", "central_warehouse", "grid_warehouse", "community_site")
FUNNEL = ("visit", "view", "cart", "checkout", "order")
CALENDAR_KINDS = ("holiday", "lockdown", "closure", "campaign")
REQUIRED = ("order_lines", "products", "sites")

_KINDS: dict[str, Kind] = {
    "id": "id", "text": "text", "integer": "integer", "number": "number",
    "boolean": "boolean", "date": "date", "timestamp": "timestamp", "time": "time",
}  # fmt: skip
_LATITUDE, _LONGITUDE = "number ?~ >=-90 <=90 [degrees]", "number ?~ >=-180 <=180 [degrees]"

_TABLES = f"""
settings (): One row about the whole data set.
  as_of date: the last day whose data are known
  currency text ?: the one currency of every amount
  presale_cutoff time ?: an order after it belongs to the next selling day
  refund_window_days integer ? >=0 [days]: days after pickup in which a refund may be asked for
  timezone text ?: the zone that every time is local to

order_lines (line_id): One row an order line: one SKU of one order.
  line_id id: one SKU of one order
  order_id id: the order, one shopper's basket at one time
  user_id id ->users: the shopper
  site_id id ->sites: the community site where it is picked up
  sku_id id ->products: the SKU
  supplier_id id ? ->suppliers: who delivers it
  shipment_id id ?~ ->stage_flows: the shipment that carried it
  group_id id ?~ ->groups: the shopping group it was bought in
  ordered_at timestamp: when it was ordered
  fulfilled_on date ~: the day of pickup; null when it was not picked up
  quantity number >0 [sale units]: units ordered
  amount number >=0 [currency]: what the shopper paid

products (sku_id): One row a SKU.
  sku_id id: the SKU
  category text: the category
  subcategory text ?: the subcategory
  name text ?: the name that shoppers see
  origin text ?: the province or country it comes from
  shelf_life_days number ?~ >0 [days]: days from harvest or making until it is unfit for sale
  unit_price number ?~ >=0 [currency]: list price of a sale unit
  unit_cost number ?~ >=0 [currency]: purchase cost of a sale unit
  weight_kg number ?~ >=0 [kg]: weight of a sale unit
  units_per_crate number ?~ >0 [sale units]: sale units in a crate

sites (site_id): One row a community site, with its place in region, city, grid and central warehouse.
  site_id id: the community site (pickup point)
  region text: the region, as a rule a province
  city text ?: the city
  city_tier integer ? >=1 <=5: the tier of the city
  grid_id id ?: the grid warehouse that serves it
  central_id id ?: the central warehouse above that
  latitude {_LATITUDE}: north is positive
  longitude {_LONGITUDE}: east is positive
  opened_on date ?~: the first day
  closed_on date ?~: the last day; null while it is open
  leader_id id ?: the group leader
  opens_at time ?: when pickup starts

refunds (refund_id): One row a request for a refund; a line may have several.
  refund_id id: one request for a refund
  line_id id ->order_lines: the line it is for
  requested_on date: when the shopper asked
  quantity number ?~ >=0 [sale units]: units refunded
  amount number >=0 [currency]: money refunded
  reason text ?~: why, in the shopper's or the platform's words
  refund_only boolean ?~: money back without the goods coming back
  approved boolean ?~: whether it was granted
  decided_on date ?~: when that was decided

suppliers (supplier_id): One row a supplier.
  supplier_id id: the supplier
  name text ?: its name
  region text ?: where it sits
  onboarded_on date ?~: its first day

users (user_id): One row a shopper.
  user_id id: the shopper
  registered_on date ?: the day of registration
  site_id id ?~: the home site
  acquisition_source text ?~: the traffic source that brought the shopper
  referrer_id id ?~ ->users: the shopper who referred this one
  occupation text ?~: the occupation
  age_band text ?~: the band of age

leaders (leader_id): One row a group leader.
  leader_id id: the group leader of a site
  recruited_on date ?: the first day
  left_on date ?~: the last day; null while active
  commission_rate number ? >=0 <=1: share of the amount that the leader earns

nodes (node_id): One row a place of the chain.
  node_id id: a place in the chain
  stage text {{{"|".join(STAGES)}}}: what it is in the chain
  region text ?: where it sits
  latitude {_LATITUDE}: north is positive
  longitude {_LONGITUDE}: east is positive
  capacity number ?~ >=0 [sale units a day]: what it can handle

stage_flows (shipment_id, stage, sku_id): One row a shipment and stage (and SKU): units in and out, when, how warm.
  shipment_id id: the shipment
  stage text {{{"|".join(STAGES)}}}: the stage of the chain
  sku_id id ?: the SKU; absent where a shipment holds one SKU or is not split
  node_id id: the supplier, warehouse, grid or site of that stage
  supplier_id id ?: who sent it
  arrived_at timestamp: when it arrived at the node
  departed_at timestamp ?~: when it left
  quantity_in number >=0 [sale units]: units that came in
  quantity_out number >=0 [sale units]: units that went out
  temperature_c number ?~ [degrees Celsius]: mean temperature there
  loss_reason text ?~: why units were lost
  shift text ?~: the shift that handled it

inventory (node_id, sku_id, date): Stock at the close of a day.
  node_id id: the warehouse
  sku_id id: the SKU
  date date: the day, at its close
  on_hand number >=0 [sale units]: units there
  expires_on date ?~: when they expire

purchase_orders (po_id): Orders placed with suppliers.
  po_id id: the purchase order
  supplier_id id: who delivers
  sku_id id: the SKU
  node_id id: where to
  ordered_on date: when it was placed
  due_on date: when it was due
  received_on date ?~: when it came
  quantity_ordered number >=0 [sale units]: units ordered
  quantity_received number ?~ >=0 [sale units]: units that came
  unit_cost number ? >=0 [currency]: cost of a unit

inspections (inspection_id): Samples inspected and found defective.
  inspection_id id: one inspection of a sample
  sku_id id: the SKU
  supplier_id id ?: the supplier
  shipment_id id ?~: the shipment
  node_id id ?~: where it was done
  inspected_on date: when
  n_sampled integer >=0 [sale units]: units looked at
  n_defective integer >=0 [sale units]: units found defective

policies (policy, region, category): When a refund rule changed, and where; a staggered start identifies its effect.
  policy text: the refund rule that changed
  region text ?: where it changed
  category text ?: for what it changed
  starts_on date: the first day of the new rule

promotions (sku_id, region, kind, starts_on): Promotions of a SKU.
  sku_id id: the SKU
  region text ?: where
  kind text ?: the kind of promotion
  starts_on date: the first day
  ends_on date: the last day
  intensity number ? >=0 <=1: how strong, from 0 to 1
  known_on date ?: when it was planned; absent means seven days before it starts

prices (sku_id, region, starts_on): Prices from a day on.
  sku_id id: the SKU
  region text ?: where
  starts_on date: from this day on
  price number >=0 [currency]: the price of a sale unit
  known_on date ?: when it was planned

listings (sku_id, region, starts_on): When a SKU was on offer; not offered is not zero demand.
  sku_id id: the SKU
  region text ?: where
  starts_on date: the first day it is offered
  ends_on date ?~: the last day it is offered

stockouts (sku_id, region, date): Days on which a SKU sold out before the cutoff.
  sku_id id: the SKU
  region text ?: where
  date date: the selling day
  sold_out_at timestamp: when the pre-sale of it ended early; demand after that is hidden

weather (region, date, issued_on): Weather by region and day.
  region text: where
  date date: the day it is about
  temperature_c number >=-90 <=60 [degrees Celsius]: mean temperature
  precipitation_mm number ? >=0 [mm]: rain and snow
  issued_on date ?~: when a forecast was made; null or absent for what was measured

calendar (date, event, region): Holidays, lockdowns, closures and campaigns.
  date date: the first or only day
  event text: its name
  region text ?: where it holds
  kind text {{{"|".join(CALENDAR_KINDS)}}}: what it is
  ends_on date ?~: the last day

events (event_id): Steps of shoppers in the app.
  event_id id: one step of a shopper in the app
  user_id id: the shopper
  session_id id: the session
  occurred_at timestamp: when
  stage text {{{"|".join(FUNNEL)}}}: the step of the funnel
  source text ?~: the traffic source
  campaign_id id ?~: the campaign
  sku_id id ?~: the SKU looked at
  order_id id ?~: the order made

impressions (): What a recommender showed.
  user_id id: who was shown
  shown_at timestamp: when
  sku_id id: what
  position integer >=0: at which place of the list
  policy text ?: by which recommender
  propensity number ? >0 <=1: with which probability

campaigns (campaign_id): Marketing campaigns.
  campaign_id id: the campaign
  kind text ?: its kind
  starts_on date: the first day
  ends_on date: the last day
  cost number ? >=0 [currency]: what it cost

coupons (coupon_id): Coupons handed out and used.
  coupon_id id: one coupon in one shopper's hands
  user_id id: the shopper
  campaign_id id ?~: the campaign
  redeemed_on date ~: when it was used; null when it was not
  discount number ? >=0 [currency]: what it took off

assignments (experiment, user_id): Who was drawn into which arm of an experiment.
  experiment text: the experiment
  user_id id: the shopper
  arm text: the arm drawn
  assigned_at timestamp: when
  cluster_id id ?: the site or leader drawn as one
  planned_share number ? >0 <=1: the share of the arm by design

groups (group_id): Shopping groups, filled or failed.
  group_id id: the shopping group
  initiator_id id: who opened it
  sku_id id: what it buys
  opened_at timestamp: when it opened
  closes_at timestamp ?: when it ends
  size_needed integer ? >=1 [members]: members that it needs
  filled_at timestamp ~: when it was full; null when it failed

group_members (group_id, user_id): Who joined which group.
  group_id id: the shopping group
  user_id id: the member
  joined_at timestamp ?: when
  invited_by id ?~: by whom

invites (invite_id): Invitations sent and taken.
  invite_id id: the invitation
  inviter_id id: who invited
  invited_at timestamp: when
  invitee_id id ~: who came; null when nobody did
  reward number ? >=0 [currency]: what the inviter got

reviews (line_id): What shoppers wrote about a line.
  line_id id ->order_lines: the line reviewed
  reviewed_on date: when
  rating integer ? >=1 <=5 [stars]: from 1 to 5
  text text ?~: what the shopper wrote; null where only stars were given

vehicles (vehicle_id): The fleet.
  vehicle_id id: the vehicle
  depot_id id ->nodes: where it starts
  capacity_crates number >=0 [crates]: what it holds
  capacity_kg number ? >=0 [kg]: what it carries
  shift_start time ?: the start of the driver's shift
  shift_end time ?: its end
  cost_per_km number ? >=0 [currency per km]: cost of distance
  cost_fixed number ? >=0 [currency]: cost of a day in use

areas (area_id): Small areas with residents, for reach and access.
  area_id id: a small area of residents
  region text ?: where
  city_tier integer ? >=1 <=5: the tier of the city
  latitude number >=-90 <=90 [degrees]: north is positive
  longitude number >=-180 <=180 [degrees]: east is positive
  population number >=0 [persons]: residents
  no_vehicle_share number ? >=0 <=1: share of households without a vehicle
  grocery_distance_km number ? >=0 [km]: distance to the nearest grocery

material_prices (material, date): Prices of raw materials.
  material text: the raw material
  date date: the day
  price number >=0 [currency]: its price
  unit text: of what amount
"""

_ORDER: dict[str, tuple[NotBefore, ...]] = {
    "order_lines": (NotBefore("fulfilled_on", "ordered_at"),),
    "sites": (NotBefore("closed_on", "opened_on"),),
    "refunds": (
        NotBefore("requested_on", "order_lines.ordered_at", "line_id"),
        NotBefore("decided_on", "requested_on"),
    ),
    "leaders": (NotBefore("left_on", "recruited_on"),),
    "stage_flows": (NotBefore("departed_at", "arrived_at"), NotBefore("quantity_in", "quantity_out")),
    "purchase_orders": (NotBefore("due_on", "ordered_on"), NotBefore("received_on", "ordered_on")),
    "inspections": (NotBefore("n_sampled", "n_defective"),),
    "promotions": (NotBefore("ends_on", "starts_on"),),
    "listings": (NotBefore("ends_on", "starts_on"),),
    "calendar": (NotBefore("ends_on", "date"),),
    "campaigns": (NotBefore("ends_on", "starts_on"),),
    "groups": (NotBefore("closes_at", "opened_at"), NotBefore("filled_at", "opened_at")),
    "reviews": (NotBefore("reviewed_on", "order_lines.ordered_at", "line_id"),),
}


def _column(line: str) -> Column:
    """One line of the registry as a column."""
    head, meaning = line.strip().split(": ", 1)
    name, kind, *_ = head.split()
    marks = head.split(None, 2)[2] if len(head.split()) > 2 else ""
    unit, choices = re.search(r"\[(.+)\]", marks), re.search(r"\{(.+)\}", marks)
    marks = re.sub(r"\[.+\]|\{.+\}", "", marks)
    reference, low = re.search(r"->(\w+)", marks), re.search(r"(?<!-)(>=?)(-?[\d.]+)", marks)
    high = re.search(r"<=(-?[\d.]+)", marks)
    return Column(
        name=name,
        kind=_KINDS[kind],
        meaning=meaning,
        optional="?" in marks,
        nullable="~" in marks,
        references=reference[1] if reference else None,
        minimum=float(low[2]) if low else None,
        above=bool(low and low[1] == ">"),
        maximum=float(high[1]) if high else None,
        choices=tuple(choices[1].split("|")) if choices else (),
        unit=unit[1] if unit else "",
    )


def _table(block: str) -> Table:
    """One block of the registry as a table."""
    head, *lines = block.strip().split("\n")
    name, key, meaning = re.fullmatch(r"(\w+) \((.*?)\): (.+)", head).groups()  # type: ignore[union-attr]
    columns = {column.name: column for column in map(_column, lines)}
    return Table(
        name=name,
        meaning=meaning,
        columns=MappingProxyType(columns),
        key=tuple(key.split(", ")) if key else (),
        required=name in REQUIRED,
        single_row=name == "settings",
        order=_ORDER.get(name, ()),
    )


CONTRACT: Mapping[str, Table] = MappingProxyType(
    {table.name: table for table in map(_table, _TABLES.strip().split("\n\n"))}
)
"""Every table of the contract by its name."""
