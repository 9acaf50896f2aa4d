"""Networks in torch: stateless functions of tensors. Importing this room needs torch."""

from hit_rfgm_ros.models.registry import create_model

__all__ = ['create_model']
