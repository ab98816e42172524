"""Templates of programs: what such a program usually consists of, and how long its parts take.

Days are working days at best, likely and at worst. They are a beginning to be changed, not a promise.
"""

from __future__ import annotations

from changes.templates import Danger, Review, Step, Stream, Template
from milestones.models import Milestone
from programs.models import Phase

Kind = Milestone.Kind
Ends = Phase.Kind

REGION = Template(
    slug="data-centre-region",
    name="Data-centre region",
    summary="A new region from the site to the first customers: power, building, network, hardware, services.",
    streams=(
        Stream(
            "Site and power",
            (
                Step("site", "Site contract signed", (15, 25, 45), kind=Kind.EVENT),
                Step("permits", "Building permits granted", (40, 60, 110), ("site",)),
                Step("shell", "Building shell closed", (90, 110, 160), ("permits",)),
                Step("power", "Utility power connected", (80, 120, 200), ("permits",)),
                Step("cooling", "Cooling commissioned", (25, 35, 60), ("shell", "power")),
                Step("hall", "First hall handed over", (5, 8, 15), ("cooling",), Kind.GATE),
            ),
        ),
        Stream(
            "Network",
            (
                Step("routes", "Fibre routes contracted", (20, 30, 50), ("site",)),
                Step("fibre", "Two fibre paths lit", (80, 110, 170), ("routes",)),
                Step("core", "Core network in service", (15, 20, 35), ("fibre", "hall")),
            ),
        ),
        Stream(
            "Hardware",
            (
                Step("order", "Servers and switches ordered", (10, 15, 25), ("site",)),
                Step("delivered", "First racks delivered", (90, 120, 180), ("order",)),
                Step("racked", "First racks powered and burned in", (10, 15, 30), ("delivered", "hall")),
            ),
        ),
        Stream(
            "Services",
            (
                Step("base", "Base services running", (20, 30, 45), ("racked", "core")),
                Step("recovery", "Failover and recovery test passed", (8, 12, 25), ("base",), Kind.GATE),
                Step("preview", "First internal users in the region", (10, 15, 20), ("recovery",)),
                Step("end", "Region open to customers", (5, 10, 15), ("preview",), Kind.LAUNCH),
            ),
        ),
    ),
    reviews=(
        Review(Ends.DESIGN, "permits", ("Power contract covers the first two halls", "Two fibre routes share no duct")),
        Review(Ends.DEVELOPMENT, "hall", ("Cooling ran a week at full load", "Handover list has no open safety item")),
        Review(Ends.TESTING, "recovery", ("Loss of one power feed was survived", "Recovery within the agreed time")),
        Review(Ends.IMPLEMENTATION, "end", ("On-call rota staffed", "Support and sales are told")),
    ),
    dangers=(
        Danger(
            "The utility connects power late",
            "Transformers and switchgear have long delivery times, and the utility sets the day.",
            "Cooling and hall handover wait for power.",
            "0.35", "power", (20, 40, 90),
            "Order switchgear before the permit; agree on temporary power for commissioning.",
        ),
        Danger(
            "Hardware deliveries slip",
            "One supplier, and demand for the same parts elsewhere.",
            "The first racks come after the hall is ready.",
            "0.3", "delivered", (10, 25, 60),
            "Second source for switches; reserve stock of another region for the first racks.",
        ),
        Danger(
            "A fibre path needs another permit",
            "Street works are permitted by a second authority.",
            "The region has one path only, and cannot open.",
            "0.25", "fibre", (10, 20, 45),
            "Walk both routes with the carrier before contracts are signed.",
        ),
    ),
    reserve=0.35,
)  # fmt: skip

MIGRATION = Template(
    slug="service-migration",
    name="Service migration",
    summary="Move services from one platform to another in waves, and switch the old one off for good.",
    streams=(
        Stream(
            "Preparation",
            (
                Step("inventory", "Inventory of services and owners", (8, 12, 20)),
                Step("design", "Target design agreed", (10, 15, 25), ("inventory",), Kind.GATE),
                Step("tooling", "Migration tooling ready", (15, 20, 35), ("design",)),
                Step("guide", "Guide and office hours for service teams", (5, 8, 12), ("design",)),
            ),
        ),
        Stream(
            "Waves",
            (
                Step("pilot", "Pilot services moved", (8, 12, 20), ("tooling", "guide"), Kind.GATE),
                Step("wave1", "Wave 1 moved: easy services", (15, 20, 30), ("pilot",)),
                Step("wave2", "Wave 2 moved: services with state", (20, 30, 50), ("wave1",)),
                Step("wave3", "Wave 3 moved: critical services", (20, 25, 45), ("wave2",)),
            ),
        ),
        Stream(
            "Reliability",
            (
                Step("watch", "Dashboards and alerts on the new platform", (8, 10, 18), ("design",)),
                Step("load", "Load test at peak passed", (5, 8, 15), ("pilot", "watch")),
                Step("rollback", "Way back rehearsed", (3, 5, 10), ("load",)),
            ),
        ),
        Stream(
            "Switch-off",
            (
                Step("readonly", "Old platform without traffic", (5, 10, 20), ("wave3", "rollback"), Kind.GATE),
                Step("end", "Old platform switched off", (5, 10, 15), ("readonly",), Kind.LAUNCH),
            ),
        ),
    ),
    reviews=(
        Review(Ends.DESIGN, "design", ("Every service has an owner", "Costs of both platforms side by side are known")),
        Review(Ends.TESTING, "pilot", ("Pilot ran two weeks without a step back", "Way back took less than an hour")),
        Review(Ends.IMPLEMENTATION, "end", ("No traffic on the old platform for 14 days", "Backups kept as agreed")),
    ),
    dangers=(
        Danger(
            "Service teams have no time for their part",
            "Their own roadmaps were set before this program.",
            "Waves start late or move fewer services.",
            "0.4", "wave2", (5, 15, 35),
            "Agree on each team's weeks with its lead before wave 1; offer to move it for them.",
        ),
        Danger(
            "A service depends on the old platform in an unknown way",
            "The inventory is made from what owners remember.",
            "A wave is rolled back and repeated.",
            "0.3", "wave3", (5, 10, 25),
            "Record calls to the old platform for a month and compare with the inventory.",
        ),
    ),
    reserve=0.4,
)  # fmt: skip

FLEET = Template(
    slug="fleet-upgrade",
    name="Fleet or OS upgrade",
    summary="Bring a fleet to a new operating system, firmware or kernel in rings, from the first rack to the last.",
    streams=(
        Stream(
            "Image",
            (
                Step("image", "New image built and signed", (10, 15, 25)),
                Step("drivers", "Drivers and agents ported", (15, 20, 40), ("image",)),
                Step("qualified", "Image qualified on every hardware type", (10, 15, 25), ("drivers",), Kind.GATE),
            ),
        ),
        Stream(
            "Compatibility",
            (
                Step("survey", "Survey of workloads and exceptions", (8, 10, 18)),
                Step("fixes", "Blocking workloads fixed", (15, 25, 45), ("survey", "image")),
            ),
        ),
        Stream(
            "Rollout",
            (
                Step("ring0", "Ring 0: 1% of machines", (5, 8, 15), ("qualified", "fixes"), Kind.GATE),
                Step("ring1", "Ring 1: 10% of machines", (8, 10, 18), ("ring0",)),
                Step("ring2", "Ring 2: 50% of machines", (15, 20, 30), ("ring1",)),
                Step("ring3", "Ring 3: all but the exceptions", (15, 20, 35), ("ring2",)),
                Step("exceptions", "Exceptions upgraded or retired", (10, 20, 40), ("ring2",)),
                Step("end", "Old version gone from the fleet", (2, 3, 5), ("ring3", "exceptions"), Kind.LAUNCH),
            ),
        ),
    ),
    reviews=(
        Review(Ends.DEVELOPMENT, "qualified", ("Performance within 2% of the old image", "Automatic way back works")),
        Review(Ends.TESTING, "ring0", ("Crash rate no higher than before", "No open blocking workload")),
        Review(Ends.IMPLEMENTATION, "end", ("No machine on the old version unasked", "Exceptions have an end date")),
    ),
    dangers=(
        Danger(
            "A regression shows only at scale",
            "Test machines do not carry the load of production.",
            "A ring is stopped and rolled back.",
            "0.35", "ring2", (5, 10, 25),
            "Soak each ring for three days; stop by itself on crash rate and latency.",
        ),
        Danger(
            "An owner of exceptions refuses the upgrade",
            "Their software is certified on the old version only.",
            "The old version stays and must be patched.",
            "0.3", "exceptions", (10, 20, 40),
            "Name the last day of support early, and who pays for what stays.",
        ),
    ),
    reserve=0.48,
)  # fmt: skip

BUILD = Template(
    slug="build-tooling",
    name="Build system or tooling change",
    summary="Replace a build, test or delivery tool that every engineer uses, without stopping anybody's work.",
    streams=(
        Stream(
            "Foundation",
            (
                Step("choice", "Tool chosen, with numbers", (8, 12, 20), kind=Kind.GATE),
                Step("cache", "Build workers and cache in production", (15, 20, 35), ("choice",)),
                Step("rules", "Rules for the main languages", (20, 30, 50), ("choice",)),
            ),
        ),
        Stream(
            "Conversion",
            (
                Step("converter", "Automatic conversion of build files", (12, 18, 30), ("rules",)),
                Step("first", "First two teams build with it daily", (8, 10, 18), ("converter", "cache"), Kind.GATE),
                Step("half", "Half of all targets converted", (20, 30, 45), ("first",)),
                Step("all", "All targets converted", (20, 30, 55), ("half",)),
            ),
        ),
        Stream(
            "Engineers",
            (
                Step("ide", "Editors and debuggers work with it", (15, 20, 35), ("rules",)),
                Step("teach", "Guide, courses and help channel", (8, 10, 15), ("first",)),
            ),
        ),
        Stream(
            "Switch",
            (
                Step("default", "New tool is the default", (3, 5, 8), ("all", "ide", "teach"), Kind.GATE),
                Step("end", "Old tool removed", (8, 10, 20), ("default",), Kind.LAUNCH),
            ),
        ),
    ),
    reviews=(
        Review(Ends.ANALYSIS, "choice", ("Build times measured on three projects", "Cost of a year is known")),
        Review(Ends.TESTING, "first", ("Results equal those of the old tool", "No step back for two weeks")),
        Review(Ends.IMPLEMENTATION, "end", ("Median build faster than before", "Nobody needs the old tool")),
    ),
    dangers=(
        Danger(
            "Unusual projects cannot be converted by the tool",
            "Generated code and own scripts in old build files.",
            "The last part is converted by hand.",
            "0.45", "all", (10, 20, 40),
            "List the fifty oddest build files first; decide for each whether to convert, fence or retire it.",
        ),
        Danger(
            "The remote cache is slower than promised from some sites",
            "Distance, and links shared with other traffic.",
            "Engineers there keep the old tool.",
            "0.25", "half", (5, 10, 20),
            "Measure from every site before wave 1; place a cache near the two farthest.",
        ),
    ),
    reserve=0.42,
)  # fmt: skip

RETIREMENT = Template(
    slug="decommissioning",
    name="Decommissioning",
    summary="Retire a site, cluster or product: move the last users, erase the data, return or sell what is left.",
    streams=(
        Stream(
            "Users",
            (
                Step("who", "Remaining users and contracts known", (8, 12, 20)),
                Step("notice", "Notice given", (3, 5, 8), ("who",), Kind.EVENT),
                Step("moved", "Last users moved", (40, 60, 100), ("notice",), Kind.GATE),
            ),
        ),
        Stream(
            "Data",
            (
                Step("retention", "What must be kept, and how long, decided", (8, 10, 20), ("who",)),
                Step("archive", "Archive written and read back", (10, 15, 25), ("retention",)),
                Step("erased", "Data erased, with certificates", (8, 12, 20), ("moved", "archive"), Kind.GATE),
            ),
        ),
        Stream(
            "Assets",
            (
                Step("buyer", "Buyer or next use of the hardware found", (15, 25, 50), ("who",)),
                Step("removed", "Hardware removed", (10, 15, 30), ("erased", "buyer")),
                Step("contracts", "Power, space and network contracts ended", (10, 15, 40), ("moved",)),
                Step("end", "Site handed back", (5, 8, 15), ("removed", "contracts"), Kind.LAUNCH),
            ),
        ),
    ),
    reviews=(
        Review(Ends.ANALYSIS, "notice", ("Legal has read the notice", "Every user has a way out")),
        Review(Ends.TESTING, "erased", ("Certificates for all disks", "Restore from the archive was tried")),
        Review(Ends.IMPLEMENTATION, "end", ("Last invoice ended", "Names, addresses and accounts removed")),
    ),
    dangers=(
        Danger(
            "A user cannot leave in time",
            "Their contract runs longer, or nobody works on their side.",
            "The site is paid for longer, and everything after waits.",
            "0.4", "moved", (10, 25, 60),
            "Speak with the three largest in the first week; offer to do the work for them.",
        ),
        Danger(
            "Something unknown still runs there",
            "Old services without an owner.",
            "Switch-off is stopped and undone.",
            "0.25", "erased", (3, 8, 20),
            "Switch the network off for an hour, then a day, before anything is erased.",
        ),
    ),
    reserve=0.5,
)  # fmt: skip

TEMPLATES = (REGION, MIGRATION, FLEET, BUILD, RETIREMENT)


def find(slug: str) -> Template | None:
    return next((template for template in TEMPLATES if template.slug == slug), None)
