"""What must know of Airflow: how a task takes its round, and how our failures are said in Airflow's words.

Hidden from the plugin scan (`.airflowignore`), which would run each file as a module of its own name.
"""
