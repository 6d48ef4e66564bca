"""What several test files share: small problems and trainings, TIM once more, and programs of their own."""
