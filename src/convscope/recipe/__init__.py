"""The recipe: all that decides the result of a training."""

from convscope.recipe.conflicts import OPTIMIZERS_WITH as OPTIMIZERS_WITH
from convscope.recipe.conflicts import OPTION_FIELDS as OPTION_FIELDS
from convscope.recipe.conflicts import RESERVED_OPTIONS as RESERVED_OPTIONS
from convscope.recipe.conflicts import SCHEDULES_WITH as SCHEDULES_WITH
from convscope.recipe.data import DECODING_FIELDS as DECODING_FIELDS
from convscope.recipe.data import AugmentationFields as AugmentationFields
from convscope.recipe.data import FlipMode as FlipMode
from convscope.recipe.data import Policy as Policy
from convscope.recipe.optimization import Opt as Opt
from convscope.recipe.optimization import Sched as Sched
from convscope.recipe.recipe import Recipe as Recipe
from convscope.recipe.recipe import ResolvedRecipe as ResolvedRecipe
from convscope.recipe.recipe import flags_of as flags_of
from convscope.recipe.recipe import on_top as on_top
from convscope.recipe.recipe import one_error as one_error
from convscope.recipe.recipe import read_values as read_values
from convscope.recipe.recipe import validated as validated
from convscope.recipe.types import Fit as Fit
from convscope.recipe.types import Initialization as Initialization
from convscope.recipe.types import cuts_of as cuts_of
from convscope.recipe.types import cuts_text as cuts_text
from convscope.recipe.types import given_or as given_or
from convscope.recipe.types import seconds_of as seconds_of
from convscope.recipe.types import size_of as size_of
from convscope.recipe.yaml_text import parse_yaml as parse_yaml
from convscope.recipe.yaml_text import value_of as value_of
