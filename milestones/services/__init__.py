"""Every write of the plan: milestones, what they wait for, requirements, baselines, and the causes of slips."""

from milestones.services.links import (
    answer_hand_off,
    change_dependency,
    is_kept,
    link,
    refuse_undoing,
    reply_to_giver,
    unlink,
)
from milestones.services.loops import find_loop, lock_graph, name_loop, refuse_loop
from milestones.services.milestones import (
    NOT_PLAN_FIELDS,
    act_of_cancelling,
    act_of_deleting,
    change_milestone,
    check_milestone,
    create_milestone,
    delete_milestone,
    refuse_dropping,
    refuse_other_program,
    settle,
)
from milestones.services.moves import change_slip_cause, create_slip_cause, move_program_target
from milestones.services.scope import (
    approve_baseline,
    change_requirement,
    change_workstream,
    create_requirement,
    create_workstream,
    delete_requirement,
    delete_workstream,
)

__all__ = [
    "NOT_PLAN_FIELDS",
    "act_of_cancelling",
    "act_of_deleting",
    "answer_hand_off",
    "approve_baseline",
    "change_dependency",
    "change_milestone",
    "change_requirement",
    "change_slip_cause",
    "change_workstream",
    "check_milestone",
    "create_milestone",
    "create_requirement",
    "create_slip_cause",
    "create_workstream",
    "delete_milestone",
    "delete_requirement",
    "delete_workstream",
    "find_loop",
    "is_kept",
    "link",
    "lock_graph",
    "move_program_target",
    "name_loop",
    "refuse_dropping",
    "refuse_loop",
    "refuse_other_program",
    "refuse_undoing",
    "reply_to_giver",
    "settle",
    "unlink",
]
